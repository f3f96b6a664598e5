"""Bans over HTTP: listed and lifted by keys and moderators, and what a kick asks of the wrapper."""

from typing import Any

import pytest

from callplane.contracts.commands import Done, Envelope, Leave
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

BANNED = [{"identity": "web:ann/of house", "participant_id": "kicked", "reason": "noise"}]


async def done(_: Envelope) -> Done:
    return Done()


async def test_bans_are_listed_and_lifted_by_keys_and_moderators(database: Database) -> None:
    await session_of(database, bans=BANNED)
    async with api(settings_for(database), ScriptedBus()) as it:
        for who, status in ((it.token("s", "ada"), 403), (it.token("s", "mod"), 200), (BY_KEY, 200)):
            assert (await it.http.get("/sessions/s/bans", headers=who)).status_code == status
        shown = (await it.http.get("/sessions/s/bans", headers=BY_KEY)).json()["bans"]
        assert shown == [{**BANNED[0], "at": None}]
        lift = "/sessions/s/bans/web%3Aann%2Fof%20house"
        assert (await it.http.delete(lift, headers=it.token("s", "ada"))).status_code == 403
        for _ in range(2):
            assert (await it.http.delete(lift, headers=it.token("s", "mod"))).status_code == 204
        assert (await it.http.get("/sessions/s/bans", headers=BY_KEY)).json() == {"bans": []}
        assert (await it.http.get("/sessions/nowhere/bans", headers=BY_KEY)).status_code == 404


@pytest.mark.parametrize(("query", "kick"), [({}, True), ({"ban": "true"}, True), ({"ban": "false"}, False)])
async def test_a_kick_bans_unless_it_only_shows_out(database: Database, query: dict[str, Any], kick: bool) -> None:
    await session_of(database)
    bus = ScriptedBus(done)
    async with api(settings_for(database), bus) as it:
        asked = it.http.delete("/sessions/s/participants/ada", params=query, headers=it.token("s", "mod"))
        assert (await asked).status_code == 204
    assert [command.body for command in bus.commands] == [Leave(participant_id="ada", reason="kicked", kick=kick)]
