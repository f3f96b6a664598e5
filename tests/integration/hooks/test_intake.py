"""Events become deliveries: of the tenants and types that an endpoint wants, each once, in order, whoever consumes."""

import asyncio
from datetime import UTC, datetime

import aio_pika
import pytest

from callplane.bus.memory.events import MemoryEvents
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.bus.rabbitmq.arguments import EVENTS
from callplane.contracts.errors import Unavailable
from callplane.contracts.events import CloudEvent, EventType
from callplane.contracts.ids import SessionId
from callplane.store.webhook_deliveries import WebhookDeliveries
from testkit.inprocess.hooks import endpoint, hooks_program
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until
from testkit.servers.webhook_receiver import WebhookReceiver, webhook_receiver

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def event(
    session: str, version: int, type_: EventType = "participant-joined", tenant: str | None = "tests"
) -> CloudEvent:
    """What brought a session to that version."""
    return CloudEvent(
        id=f"{session}:{version}",
        source="/tests",
        type=type_,
        time=NOW,
        sessionid=SessionId(session),
        sessionversion=version,
        tenant=tenant,
        data={},
    )


def versions(receiver: WebhookReceiver, path: str) -> dict[str, list[int]]:
    """What came there, by session."""
    found: dict[str, list[int]] = {}
    for one in receiver.taken(path):
        found.setdefault(one.event["sessionid"], []).append(one.event["sessionversion"])
    return found


async def test_an_endpoint_is_sent_what_it_wants_of_its_tenant(database: Database) -> None:
    events = MemoryEvents()
    async with webhook_receiver(lambda *_: "ok") as receiver, hooks_program(database, events) as program:
        await endpoint(program, "all", receiver.url("/all"))
        await endpoint(program, "left", receiver.url("/left"), "participant-left")
        off = await endpoint(program, "off", receiver.url("/off"))
        await program.stores.webhooks.change(off, "tests", {"state": "disabled"})
        await events.publish([event("a", 1, tenant="others")])
        await events.publish([event("a", 2), event("a", 3, "participant-left"), event("a", 4, tenant=None)])
        await receiver.until(lambda: len(receiver.received) == 4)
        assert versions(receiver, "/all") == {"a": [2, 3, 4]}
        assert versions(receiver, "/left") == {"a": [3]}
    assert {one["webhook_id"] for one in await database.documents("webhook_deliveries")} == {"all", "left"}


async def test_two_processes_on_one_queue_keep_the_order_and_pass_over_what_is_no_event(servers: Servers) -> None:
    sessions, last = [f"s{n}" for n in range(5)], 20
    async with (
        open_bus(RabbitSettings(servers.vhost.url)) as one,
        open_bus(RabbitSettings(servers.vhost.url)) as other,
        webhook_receiver(lambda *_: "ok") as receiver,
    ):
        await one.wait_up(10)
        await other.wait_up(10)
        async with (
            hooks_program(servers.database, one.events) as first,
            hooks_program(servers.database, other.events) as second,
        ):
            await endpoint(first, "e", receiver.url())

            async def consumed() -> bool:
                return (await servers.vhost.consumers()).get("webhooks") == 2

            await until(consumed, 10)
            async with await aio_pika.connect(servers.vhost.url) as raw:
                exchange = await (await raw.channel()).get_exchange(EVENTS)
                await exchange.publish(aio_pika.Message(b"no event"), "tests.t")
            for version in range(1, last + 1):
                for session in sessions:
                    await one.events.publish([event(session, version)])
            await receiver.until(lambda: len(receiver.taken_ids) == last * len(sessions))
            assert versions(receiver, "/") == {session: list(range(1, last + 1)) for session in sessions}

            async def all_acknowledged() -> bool:
                return (await servers.vhost.queues())["webhooks"] == 0

            await until(all_acknowledged, 10)
            seen = [program.metrics.text().decode() for program in (first, second)]
    assert sum("callplane_webhook_events_unreadable_total 1.0" in text for text in seen) == 1


async def test_events_wait_while_the_database_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    events, tried = MemoryEvents(), asyncio.Event()

    async def away(*_: object) -> None:
        tried.set()
        raise Unavailable("for the test")

    async with webhook_receiver(lambda *_: "ok") as receiver, hooks_program(database, events) as program:
        await endpoint(program, "e", receiver.url())
        with monkeypatch.context() as patch:
            patch.setattr(WebhookDeliveries, "add", away)
            await events.publish([event("a", 1), event("a", 2)])
            async with asyncio.timeout(10):
                await tried.wait()
        await receiver.until(lambda: len(receiver.taken()) == 2)
        assert versions(receiver, "/") == {"a": [1, 2]}
