"""An open stream of events: it beats, and ends for a client that does not read, a drain, or a broker that is gone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from api.dispatch.event_readers import EventFilter, EventReaders
from api.http import slow_clients
from api.metrics import Metrics
from api.streaming import event_stream
from api.streaming.event_stream import EventStreamResponse, Reading
from callplane.bus.event_ports import ReceivedEvent
from callplane.bus.memory.events import MemoryEvents
from callplane.bus.stream_ports import Start, StreamedEvent
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from testkit.clients.event_streams import SCOPE, AsgiClient
from testkit.inprocess.streams import happened
from testkit.servers.until import until

S = SessionId("s")


class BrokenStream:
    """Gives one event, and loses its connection then."""

    def __init__(self) -> None:
        self._left: list[Sequence[StreamedEvent]] = []

    @asynccontextmanager
    async def reading(self, start: Start) -> AsyncIterator["BrokenStream"]:
        """The same wherever it begins."""
        event = happened(S, 1)
        self._left = [[StreamedEvent(0, ReceivedEvent(event.id, event.routing_key, event.body()))]]
        yield self

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """The one, then none."""
        if not self._left:
            raise Unavailable("for the test")
        return self._left.pop()


def readers(events: MemoryEvents) -> EventReaders:
    """A pod's."""
    return EventReaders(events.stream, Metrics(), asyncio.Event())


@asynccontextmanager
async def answering(pod: EventReaders, client: AsgiClient, shown: EventFilter) -> AsyncIterator[asyncio.Task[None]]:
    """An answer that is under way."""
    response = EventStreamResponse(pod, Reading("first", shown))
    task = asyncio.ensure_future(response(SCOPE, client.receive, client.send))
    yield task
    async with asyncio.timeout(10):
        await task


async def told(client: AsgiClient, count: int) -> None:
    """Wait until so much was said."""

    async def is_so() -> bool:
        return len(client.read.names) >= count

    await until(is_so)


async def test_a_beat_says_how_far_what_is_not_shown_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "BEAT_SECONDS", 0.02)
    events, client = MemoryEvents(), AsgiClient()
    await events.publish([happened(S, 1), happened(S, 2, tenant="other")])
    async with answering(readers(events), client, EventFilter("acme")):
        await told(client, 4)
        client.left.set()
    content = b"".join(one.get("body", b"") for one in client.sent)
    assert client.read.ids == ["s:1"]
    last = content[content.index(b"s:1") :]
    assert b"\n\nid: 1-" in last
    assert last.count(b"event: beat") >= 1


async def test_a_drain_ends_it_without_an_error() -> None:
    events, client = MemoryEvents(), AsgiClient()
    pod = readers(events)
    await events.publish([happened(S, 1)])
    async with answering(pod, client, EventFilter()):
        await told(client, 2)
        pod.draining.set()
    assert (client.is_over, client.read.names) == (True, ["beat", "message"])


async def test_a_broker_that_is_gone_ends_it_with_the_problem() -> None:
    client = AsgiClient()
    pod = EventReaders(BrokenStream(), Metrics(), asyncio.Event())
    async with answering(pod, client, EventFilter()):
        pass
    assert client.read.ids == ["s:1"]
    assert [end["code"] for end in client.read.ends] == ["unavailable"]


async def test_who_does_not_read_is_let_go_and_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "SEND_WITHIN", 0.05)
    monkeypatch.setattr(event_stream, "GONE_WITHIN", 0.01)
    events, client = MemoryEvents(), AsgiClient(reads=False)
    pod = readers(events)
    await events.publish([happened(S, version) for version in range(1, 5000)])
    async with answering(pod, client, EventFilter()):
        pass
    assert len(client.sent) == 2
    assert not client.is_over
