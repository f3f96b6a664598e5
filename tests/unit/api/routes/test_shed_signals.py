"""Signals to a pod with too much to do: volatile ones are refused before the others, and nothing is read for them."""

import pytest

from api.overload import Overload
from testkit.fakes.asgi import api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of


async def test_volatile_signals_are_refused_first_and_what_is_no_signal_is_served(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database, shed_lag=10), bus) as it:
        ada = it.token("s", "ada")

        async def answers(standing: float) -> list[int]:
            monkeypatch.setattr(Overload, "standing", standing)  # the loop of the test itself may be late as it likes
            asked = []
            for body in ({"type": "cursor", "volatile": True}, {"type": "wave"}):
                answer = await it.http.post("/sessions/s/signals", json=body, headers=ada)
                assert (answer.status_code == 503) == ("retry-after" in answer.headers)
                asked.append(answer.status_code)
            return asked

        assert await answers(10) == [409, 202], "of a session of queues nothing is volatile"
        assert await answers(15) == [503, 202]
        assert await answers(20) == [503, 503]
        assert (await it.http.get("/sessions/s", headers=ada)).status_code == 200
        assert await answers(0) == [409, 202]
    assert len(bus.published) == 3
