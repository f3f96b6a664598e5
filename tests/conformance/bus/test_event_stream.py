"""Server-sent events of the stream are the same on either bus: all of one tenant's, from any place, to the end.

Also where the oldest are not kept any more.
"""

import asyncio
from typing import Any

import pytest

from api.dispatch.event_readers import EventFilter, EventReaders
from api.metrics import Metrics
from api.streaming.event_stream import EventStreamResponse, Reading
from callplane.bus.ports import Bus
from callplane.bus.rabbitmq import topology
from callplane.bus.stream_places import Place, parse_place
from callplane.bus.stream_ports import Start
from callplane.contracts.ids import SessionId
from testkit.clients.event_streams import SCOPE, AsgiClient, Read
from testkit.inprocess.bus import Corner, MemoryCorner
from testkit.inprocess.streams import happened, read
from testkit.servers.until import until
from tests.conformance.bus.test_stream import corner

__all__ = ["corner"]
S = SessionId("s")


async def answered(bus: Bus, start: Place | Start) -> Read:
    """What the tenant ``acme`` is told from there, to the end."""
    client = AsgiClient()
    readers = EventReaders(bus.stream, Metrics(), asyncio.Event())
    response = EventStreamResponse(readers, Reading(start, EventFilter("acme"), follow=False))
    async with asyncio.timeout(20):
        await response(SCOPE, client.receive, client.send)
    assert client.is_over
    return client.read


async def test_a_tenant_is_told_its_own_and_goes_on_behind_its_cursor(corner: Corner) -> None:
    async with corner.bus() as bus:
        tenants = ["acme" if version % 3 else "other" for version in range(1, 61)]
        await bus.events.publish([happened(S, n, tenant=tenant) for n, tenant in enumerate(tenants, 1)])
        ours = [f"s:{version}" for version in range(1, 61) if version % 3]
        whole = await answered(bus, "first")
        assert (whole.ids, whole.names[-1]) == (ours, "complete")
        assert (await answered(bus, parse_place(whole.cursors[24]))).ids == ours[25:]
        gone = await answered(bus, parse_place("7-00000000"))
        assert (gone.ids, gone.names[1]) == (ours, "resync-required")


@pytest.mark.parametrize("start", ["next", 4711])
async def test_where_there_is_nothing_it_ends(corner: Corner, start: Start) -> None:
    async with corner.bus() as bus:
        await bus.events.publish([happened(S, 1)])
        assert (await answered(bus, start)).names == ["beat", "complete"]


def keeps_little(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that a few hundred events reach; on RabbitMQ the oldest go a segment at a time."""
    if isinstance(corner, MemoryCorner):
        corner.broker.events.stream.kept = 100
        return
    usual = topology.stream_arguments

    def little(bounds: Any) -> dict[str, Any]:
        return {**usual(bounds), "x-max-length-bytes": 50_000, "x-stream-max-segment-size-bytes": 10_000}

    monkeypatch.setattr(topology, "stream_arguments", little)


async def test_the_oldest_go_and_whoever_was_there_is_told(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    keeps_little(corner, monkeypatch)
    async with corner.bus() as bus:
        await bus.events.publish([happened(S, version) for version in range(1, 11)])
        whole = await answered(bus, "first")
        assert whole.ids == [f"s:{version}" for version in range(1, 11)]
        place = parse_place(whole.cursors[4])
        for first in range(11, 601, 59):
            await bus.events.publish([happened(S, version) for version in range(first, first + 59)])

        async def it_went() -> bool:
            async with bus.stream.reading("first") as reader:
                return (await read(reader, 1))[0].offset > place.offset

        await until(it_went)
        gone = await answered(bus, place)
    assert gone.names[:2] == ["beat", "resync-required"]
    assert gone.ids == [f"s:{version}" for version in range(601 - len(gone.ids), 601)]
    assert 0 < len(gone.ids) < 595
