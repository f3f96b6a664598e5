"""The stream gives everything that was published, from any place, in order, to each of any number of readers."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from callplane.bus.ports import Bus
from callplane.bus.stream_places import parse_place, place_of, reading_after
from callplane.bus.stream_ports import Start, StreamedEvent
from callplane.concurrency import alongside
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from testkit.inprocess.bus import Corner, MemoryCorner, RabbitCorner, session
from testkit.inprocess.streams import BOUNDS, happened, read
from testkit.servers.stream_reader import follow
from testkit.servers.until import until


@pytest.fixture(params=["memory", "rabbitmq"])
def corner(request: pytest.FixtureRequest) -> Corner:
    """A broker of the test's own, with a stream."""
    if request.param == "memory":
        return MemoryCorner()
    return RabbitCorner(request.getfixturevalue("broker_url"), stream=BOUNDS)


@asynccontextmanager
async def published(corner: Corner, count: int) -> AsyncIterator[tuple[Bus, SessionId]]:
    """A bus, and a session whose versions from 1 on are in the stream."""
    async with corner.bus() as bus:
        where = session()
        await bus.events.publish([happened(where, version) for version in range(1, count + 1)])
        yield bus, where


async def taken(bus: Bus, start: Start, count: int) -> list[StreamedEvent]:
    """So many from there."""
    async with bus.stream.reading(start) as reader:
        return await read(reader, count)


async def test_everybody_reads_everything_from_any_place(corner: Corner) -> None:
    async with published(corner, 500) as (bus, where):
        first, again = await asyncio.gather(taken(bus, "first", 500), taken(bus, "first", 500))
        assert first == again
        assert [one.event.id for one in first] == [f"{where}:{version}" for version in range(1, 501)]
        assert [one.offset for one in first] == list(range(500))
        assert first[0].event.routing_key == "acme.session-updated"
        assert await taken(bus, 321, 179) == first[321:]


async def test_who_begins_at_the_end_is_given_what_comes_then_and_others_nothing_less(corner: Corner) -> None:
    async with published(corner, 5) as (bus, where), bus.stream.reading("next") as late, bus.stream.reading(3) as early:
        await read(early, 2)
        assert await late.batch(0.05) == await early.batch(0.05) == ()
        await bus.events.publish([happened(where, 6)])
        assert await read(late, 1) == await read(early, 1)


async def test_a_time_is_a_place(corner: Corner) -> None:
    async with published(corner, 5) as (bus, where):
        hour = timedelta(hours=1)
        assert len(await taken(bus, datetime.now(UTC) - hour, 5)) == 5
        async with bus.stream.reading(datetime.now(UTC) + hour) as reader:
            assert await reader.batch(0.05) == ()
            await bus.events.publish([happened(where, 6)])
            assert [one.event.id for one in await read(reader, 1)] == [f"{where}:6"]


async def test_a_reader_goes_on_behind_the_last_that_it_has(corner: Corner) -> None:
    async with published(corner, 300) as (bus, _):
        whole = await taken(bus, "first", 300)
        place = parse_place(str(place_of(whole[210])))
        async with reading_after(bus.stream, place) as resumed:
            assert not resumed.is_gone
            assert await read(resumed, 89) == whole[211:]


@pytest.mark.parametrize("offset", [1, 7])
async def test_a_place_of_another_stream_is_gone_and_everything_is_read(corner: Corner, offset: int) -> None:
    """It was deleted and made again: at that offset stands something else, or nothing yet."""
    async with published(corner, 3) as (bus, where):
        place = parse_place(f"{offset}-00000000")
        async with reading_after(bus.stream, place, within=0.5) as resumed:
            assert resumed.is_gone
            assert [one.event.id for one in await read(resumed, 3)] == [f"{where}:{version}" for version in (1, 2, 3)]


@pytest.mark.parametrize("seed", range(2))
async def test_a_reader_that_is_cut_off_at_random_offsets_reads_every_event_once(
    corner: Corner, tmp_path: Path, seed: int
) -> None:
    """After de-duplication, and in order; it goes on where its file ends, which may be in the middle of a line."""
    file, chance = tmp_path / "read", random.Random(seed)
    async with published(corner, 400) as (bus, where):
        for place in [*sorted(chance.sample(range(1, 20_000), 4)), None]:
            async with alongside(follow(bus.stream, file)):
                await until(partial(_has, file, f"{where}:400"))
            if place is not None:
                file.write_bytes(file.read_bytes()[:place])
        ids = [line.split()[1] for line in file.read_text().splitlines()]
        assert ids == [f"{where}:{version}" for version in range(1, 401)]


async def _has(file: Path, last: str) -> bool:
    return await asyncio.to_thread(lambda: file.exists() and file.read_text().endswith(f"{last}\n"))


async def test_where_no_stream_is_kept_nobody_reads(broker_url: str) -> None:
    async with RabbitCorner(broker_url).bus() as bus:
        with pytest.raises(Unavailable):
            async with bus.stream.reading("first"):
                raise AssertionError


async def test_no_place_is_no_place() -> None:
    for text in ("", "7", "-", "x-00000000", "7-0", "-1-00000000", "1" * 19 + "-00000000", "\u0661-00000000"):
        with pytest.raises(ValueError, match="no place"):
            parse_place(text)
