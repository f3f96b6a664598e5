"""Webhook program in the test's own process, with the pauses of tests, and deliveries put where events put them."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from callplane.bus.event_ports import EventBus
from callplane.bus.memory.events import MemoryEvents
from callplane.contracts.webhooks import WebhookId
from callplane.store.webhook_deliveries import NewDelivery
from callplane.store.webhooks import Webhook, WebhookSecret
from hooks.app import Program, assemble
from hooks.settings import HooksSettings
from testkit.servers.servers import Database

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
FAST: dict[str, Any] = {
    "webhook_hosts": "loopback",
    "webhook_seconds": 10.0,
    "webhook_first_pause": 0.05,
    "webhook_longest_pause": 0.2,
}


@asynccontextmanager
async def hooks_program(database: Database, events: EventBus | None = None, **settings: Any) -> AsyncIterator[Program]:
    """It runs during the block."""
    given = HooksSettings(mongo_url=database.url, mongo_database=database.name, **{**FAST, **settings})
    async with assemble(given, events=events or MemoryEvents()) as program:
        yield program


async def endpoint(program: Program, name: str, url: str, *types: str) -> WebhookId:
    """An endpoint of the tenant ``tests``."""
    secret = WebhookSecret(id="first", value=SECRET)
    webhook = Webhook(_id=WebhookId(name), tenant="tests", url=url, types=list(types) or ["*"], secrets=[secret])
    assert await program.stores.webhooks.add(webhook)
    return webhook.id


def delivery(webhook_id: WebhookId, session: str, version: int) -> NewDelivery:
    """Of one event."""
    event_id = f"{session}-{version}"
    body = json.dumps({"id": event_id, "type": "t", "subject": session, "data": {"version": version}})
    return NewDelivery(webhook_id, event_id, "t", session, version, body)


async def put(program: Program, deliveries: Iterable[NewDelivery]) -> None:
    """Store them, and have them sent."""
    new = list(deliveries)
    await program.stores.deliveries.add(new, program.stores.clock.now())
    await program.stores.lanes.stored((one.lane, one.webhook_id) for one in new)
    program.dispatcher.wake()
