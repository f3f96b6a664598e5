"""No exception ends a loop: each row of the table in docs/design.md, with what its loop relies on raising.

While it raises, people come and go, so that what is done only for them is done as well; afterwards a call succeeds.
"""

import asyncio
import gc
import inspect
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import structlog

from api import activity
from api.activity import Activity
from api.auth import stored_keys
from api.auth.stored_keys import StoredKeys
from api.log.catch_up import CatchUp
from api.mailboxes.holder import Holder
from api.mailboxes.outgoing import OutgoingPolls
from api.readers.attaching import Attaching
from api.readers.incarnation import Incarnation
from callplane.bus.consuming.outcomes import OutcomePolicy
from callplane.bus.rabbitmq.connection import AmqpConnection
from callplane.bus.rabbitmq.consumer_channel import ConsumerChannel
from callplane.bus.rabbitmq.mailbox_link import RabbitLink
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.bus.rabbitmq.sender import RabbitSender
from callplane.store.attachments import Attachments
from callplane.store.change_stream import Watch
from callplane.store.connection_owners import ConnectionOwners
from callplane.store.connections import Connections
from callplane.store.leases import PodLeases, WrapperLeases
from callplane.store.media_servers import MediaServers
from callplane.store.media_states import MediaStates
from callplane.store.sessions import Sessions
from callplane.store.sweep_leases import SweepLeases
from callplane.store.versioned_updates import OutboxRepository
from callplane.telemetry.logs import configure_logs
from kurento_client.calls import Calls
from testkit.inprocess.api_and_wrapper import ApiAndWrapper, api_and_wrapper
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper import session_queues
from wrapper.effects.outbox import Outbox
from wrapper.effects.runner import FollowUpRunner
from wrapper.media.endpoint_events import EndpointEvents


@dataclass(frozen=True)
class Row:
    """A loop, and what it calls that shall raise."""

    loop: str
    owner: type
    method: str


SWEEPS = (
    Row("wrapper: judge", ConnectionOwners, "orphans"),
    Row("wrapper: abandoned", Connections, "abandoned"),
    Row("wrapper: owed", OutboxRepository, "overdue"),
    Row("wrapper: deserted", Sessions, "due_to_close"),
    Row("wrapper: lost servers", Sessions, "ids_on_servers_lost"),
    Row("wrapper: tombstones", Sessions, "tombstones"),
    Row("wrapper: grace", Attachments, "past_grace"),
    Row("wrapper: drops", MediaStates, "untold"),
    Row("wrapper: monitor", MediaServers, "claim_monitor"),
    Row("api: look after", Holder, "look_after"),
    Row("api: rolls", OutgoingPolls, "name_parked"),
    Row("api: activity", Activity, "flush"),
    Row("api: keys", StoredKeys, "follow"),
    Row("api: log seats", Attaching, "look_after"),
    Row("api: looks of feeds", CatchUp, "_look_at_some"),
)
LEASES = (
    Row("wrapper: renew", WrapperLeases, "renew"),
    Row("wrapper: duties", SweepLeases, "all"),
    Row("wrapper: media server, memory", MediaServers, "set_memory"),
    Row("wrapper: pool, draining", MediaServers, "all"),
    Row("api: beat", PodLeases, "renew"),
    Row("api: log incarnation", Incarnation, "renew"),
)
SESSION = (Row("wrapper: one session that is listened to", Sessions, "epoch_of_open"),)
EVENTS = (
    Row("wrapper: aftermath", Outbox, "carry_session"),
    Row("wrapper: hearing", EndpointEvents, "_act"),
)
STREAMS = (
    Row("wrapper: change stream", Watch, "next"),
    Row("wrapper: aftermath, its workers", FollowUpRunner, "do"),
    Row("kurento client: frames", Calls, "receive"),
)
DELIVERIES = (Row("wrapper: deliveries", OutcomePolicy, "settle"),)
BROKER = (Row("both: connections to the broker", AmqpConnection, "_until_ended"),)
CHANNELS = (
    Row("wrapper: consumers", ConsumerChannel, "_attach"),
    Row("api: replies", RabbitSender, "_consume"),
    Row("api: keep linked", RabbitMailboxes, "_open"),
)


class Mishap(Exception):
    """Nothing that anybody expects."""


def raising(row: Row, seen: Counter[str]) -> Callable[..., Any]:
    """What takes the place of the method."""

    def sync(*_: Any, **__: Any) -> Any:
        seen[row.loop] += 1
        raise Mishap(row.loop)

    async def later(*_: Any, **__: Any) -> Any:
        sync()

    return later if inspect.iscoroutinefunction(getattr(row.owner, row.method)) else sync


async def come_and_go(programs: ApiAndWrapper) -> None:
    """Try to make calls, whatever becomes of them."""
    while True:
        try:
            async with asyncio.timeout(4):
                await programs.call(publishes=True)
        except (AssertionError, TimeoutError, httpx.HTTPError):
            await asyncio.sleep(0.05)


async def each_raises(programs: ApiAndWrapper, rows: tuple[Row, ...]) -> None:
    """Let all of them raise until each has, twice where it is asked for again by itself; then a call succeeds."""
    seen: Counter[str] = Counter()

    async def met() -> bool:
        return all(seen[row.loop] >= 2 for row in rows)

    with pytest.MonkeyPatch.context() as patch:
        for row in rows:
            patch.setattr(row.owner, row.method, raising(row, seen))
        if rows in (BROKER, CHANNELS):
            # By their types: to ask a proxy of something that is gone what it is raises.
            for one in gc.get_objects():
                if issubclass(type(one), AmqpConnection):
                    one.drop()
                elif issubclass(type(one), RabbitLink):
                    one.end("for the test")
        people = asyncio.create_task(come_and_go(programs))
        try:
            await until(met, 60)
        except TimeoutError:
            pytest.fail(f"never called: {[row.loop for row in rows if seen[row.loop] < 2]}")
        finally:
            people.cancel()
    await programs.works()


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """As programs write them: the pictures of tracebacks that tests get would keep the event loop busy for seconds."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("warning")
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.timeout(300)
async def test_nothing_that_a_loop_meets_ends_it_or_its_program(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "FLUSH_SECONDS", 0.2)
    monkeypatch.setattr(stored_keys, "FOLLOW_SECONDS", 0.2)
    monkeypatch.setattr(session_queues, "SOON", timedelta(0))  # what was made a moment ago would not be read
    async with api_and_wrapper(servers, sweep_seconds=0.2) as programs:
        for rows in (SWEEPS, LEASES, SESSION, EVENTS, STREAMS, DELIVERIES, BROKER, CHANNELS):
            await each_raises(programs, rows)
