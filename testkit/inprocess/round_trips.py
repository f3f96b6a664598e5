"""Round trips: counts what programs in the test's process ask of database, broker and media servers, by their parts."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiormq import Channel
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

import wrapper.app
from callplane.bus.rabbitmq.arguments import EVENTS
from callplane.bus.rabbitmq.content_channel import ContentChannel
from callplane.bus.rabbitmq.frames import Address
from callplane.concurrency import forever
from callplane.store.mongo.database import NOTHING
from kurento_client import KurentoClient

_PART: ContextVar[str] = ContextVar("part", default="")
"""Which part of a program the running task belongs to: it has that from who began it. Of a test's own it is empty."""

COMMANDS = "commands"

_ANYWAY = frozenset({"getMore", "listIndexes", "createIndexes"})
"""What a change stream asks again and again, and what is asked beside its opening: an aggregation of no collection."""

_OPENING = frozenset({"Channel.Open", "Confirm.Select", "Exchange.Declare"})
"""What a channel costs when it is opened, for whoever is first; of sessions they are declared without an answer."""


@dataclass
class RoundTrips(CommandListener):
    """What was asked, in order."""

    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Part, then ``database``, ``broker``, ``events`` (of the broker, each beside a message) or ``media``, then the
    operation."""

    def add(self, where: str, what: str) -> None:
        """One more, of the part that the running task belongs to."""
        if _PART.get():
            self.seen.append((_PART.get(), where, what))

    def of(self, part: str) -> tuple[int, int, int]:
        """How many of this part went to database, broker and media servers."""
        found = Counter(where for whose, where, _ in self.seen if whose == part)
        return found["database"], found["broker"], found["media"]

    def started(self, event: CommandStartedEvent) -> None:
        """PyMongo sends a command."""
        what = f"{event.command_name} {event.command.get(event.command_name)}"
        if event.command_name not in _ANYWAY and what not in ("aggregate 1", f"update {NOTHING}"):
            self.add("database", what)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to count."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to count: it was when it was sent."""


@contextmanager
def as_part(name: str) -> Iterator[None]:
    """What is begun in the block is of this part of a program."""
    before = _PART.set(name)
    try:
        yield
    finally:
        _PART.reset(before)


def counted(patch: pytest.MonkeyPatch) -> RoundTrips:
    """Count what is opened from now on: loops of a wrapper by their names, the rest under whatever began it."""
    trips = RoundTrips()

    async def named(name: str, work: Callable[[], Awaitable[Any]], **options: Any) -> None:
        with as_part(name):
            await forever(name, work, **options)

    async def rpc(channel: Channel, frame: Any, *args: Any, **options: Any) -> Any:
        if frame.synchronous and frame.name not in _OPENING and not getattr(frame, "nowait", False):
            trips.add("broker", frame.name)
        return await ask(channel, frame, *args, **options)

    def publish(channel: ContentChannel, address: Address, *args: Any, **options: Any) -> Any:
        where = "events" if address.exchange == EVENTS else "broker"
        trips.add(where, f"confirm {address.exchange}/{address.routing_key}")
        return send(channel, address, *args, **options)

    async def call(client: KurentoClient, method: str, *args: Any, **options: Any) -> Any:
        trips.add("media", f"{method} {(args[0] or {}).get('operation', '') if args else ''}")
        return await invoke(client, method, *args, **options)

    ask, send, invoke = Channel.rpc, ContentChannel.publish_confirmed, KurentoClient.call
    patch.setattr(Channel, "rpc", rpc)
    patch.setattr(ContentChannel, "publish_confirmed", publish)
    patch.setattr(KurentoClient, "call", call)
    patch.setattr(wrapper.app, "forever", named)
    client = partial(AsyncMongoClient, event_listeners=[trips])
    patch.setattr("callplane.store.mongo.database.AsyncMongoClient", client)
    return trips
