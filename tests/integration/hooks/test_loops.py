"""No exception ends a loop of the webhook program: what each relies on raises, and then a delivery comes as before."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from callplane.bus.memory.events import MemoryEvents
from callplane.contracts.errors import Unavailable
from callplane.store.webhook_deliveries import WebhookDeliveries
from callplane.store.webhook_lanes import WebhookLanes
from callplane.store.webhooks import Webhooks
from callplane.telemetry.logs import configure_logs
from hooks.lane_runs import LaneRuns
from testkit.inprocess.hooks import delivery, endpoint, hooks_program, put
from testkit.servers.servers import Database
from testkit.servers.until import until
from testkit.servers.webhook_receiver import webhook_receiver
from tests.integration.hooks.test_intake import event

ROWS: dict[str, tuple[type, str, type[Exception]]] = {
    "looks for lanes": (WebhookLanes, "due", ZeroDivisionError),
    "looks for lanes, no database": (WebhookLanes, "due", Unavailable),
    "one lane": (LaneRuns, "run", ZeroDivisionError),
    "one lane, no database": (WebhookDeliveries, "next_of", Unavailable),
    "intake": (Webhooks, "active", ZeroDivisionError),
    "time and gauges": (WebhookLanes, "oldest", ZeroDivisionError),
}


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """As programs write them."""
    configure_logs("critical")
    yield
    structlog.reset_defaults()


async def test_nothing_that_a_loop_meets_ends_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.app.CLOCK_SECONDS", 0.05)
    monkeypatch.setattr("hooks.dispatcher.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("hooks.dispatcher.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("hooks.lane_runs.RETURN_SECONDS", (0.05,))
    events = MemoryEvents()
    async with webhook_receiver(lambda *_: "ok") as receiver, hooks_program(database, events) as program:
        to = await endpoint(program, "e", receiver.url())
        for n, (row, (owner, method, mishap)) in enumerate(ROWS.items()):
            seen: Counter[str] = Counter()

            async def raises(*_: Any, row: str = row, mishap: type[Exception] = mishap, seen: Any = seen) -> Any:
                seen[row] += 1
                raise mishap(row)

            async def met(row: str = row, seen: Any = seen) -> bool:
                return bool(seen[row] >= 2)

            with monkeypatch.context() as patch:
                patch.setattr(owner, method, raises)
                if owner is LaneRuns:
                    patch.setattr(program.dispatcher, "_work", raises)
                if row == "intake":
                    await events.publish([event("intake", 1)])
                else:
                    await put(program, [delivery(to, row, 1)])
                await until(met)
            await receiver.until(lambda n=n: len(receiver.taken_ids) == n + 1, 30)
