"""Intake: what no delivery can be made of is told and counted, and what came with it is stored."""

import json
from types import SimpleNamespace
from typing import Any, cast

import bson
import pytest

from callplane.bus.event_ports import ReceivedEvent
from callplane.contracts.events import EVENT_BYTES
from callplane.contracts.webhooks import WebhookId
from callplane.store.webhook_deliveries import NewDelivery, _document
from callplane.store.webhooks import Webhook
from hooks.intake import Intake
from hooks.metrics import Metrics
from hooks.stores import Stores

RUBBISH: dict[str, dict[str, Any]] = {
    "a version that no integer of BSON holds": {"sessionversion": 2**63},
    "an endless id": {"id": "i" * 1000},
    "an id that no header can be": {"id": "a\r\nb"},
    "an endless type": {"type": "t" * 1000},
    "an endless session": {"sessionid": "s" * 10_000},
    "endless data": {"data": {"text": "x" * EVENT_BYTES}},
}


class Hooks:
    """The stores of one endpoint, which takes what BSON can say."""

    def __init__(self) -> None:
        self.stored_: list[NewDelivery] = []

    async def active(self) -> list[Webhook]:
        """The endpoint."""
        return [Webhook(_id=WebhookId("e"), tenant="t", url="https://e.example", types=["*"], secrets=[])]

    async def add(self, deliveries: list[NewDelivery], _now: None) -> None:
        """Encode each."""
        for one in deliveries:
            bson.encode(_document(one))
        self.stored_ += deliveries

    async def stored(self, lanes: Any) -> None:
        """Touch their lanes."""
        list(lanes)


def received(id_: str, **fields: Any) -> ReceivedEvent:
    """An event as it comes."""
    event = {"id": id_, "type": "media-ready", "tenant": "t", "sessionid": "s", "sessionversion": 1, **fields}
    return ReceivedEvent(id_, "t.media-ready", json.dumps(event).encode())


@pytest.mark.parametrize("fields", RUBBISH.values(), ids=RUBBISH)
async def test_what_cannot_be_sent_is_passed_over_and_holds_nothing_up(fields: dict[str, Any]) -> None:
    hooks, metrics, clock = Hooks(), Metrics(), SimpleNamespace(now=lambda: None)
    stores = cast(Stores, SimpleNamespace(webhooks=hooks, deliveries=hooks, lanes=hooks, clock=clock))
    intake = Intake(stores, metrics, lambda: None)
    given = [received("a"), received("b", **fields), ReceivedEvent("", "", b"\xff"), received("c", type="of-tomorrow")]
    await intake.take(given)
    assert [one.event_id for one in hooks.stored_] == ["a", "c"]
    assert b"callplane_webhook_events_unreadable_total 2.0" in metrics.text()
