"""Stream places: how a reader names the last event that it has, and finds out that this is not kept any more.

An offset alone would not do: a stream that was deleted and made again begins at 0, and RabbitMQ lets who asks for an
offset past its end wait until it has grown there, without a word of what is between.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zlib import crc32

from callplane.bus.stream_ports import EventStream, StreamedEvent, StreamReader

FOUND_WITHIN = 5.0
"""Seconds in which an event that is there comes; without it everything is read again from the oldest on."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last event that a reader has: its offset, and a check of its id."""

    offset: int
    check: str

    def __str__(self) -> str:
        return f"{self.offset}-{self.check}"

    def is_at(self, one: StreamedEvent) -> bool:
        """Whether it is this event."""
        return place_of(one) == self


def place_of(one: StreamedEvent) -> Place:
    """Of an event."""
    return Place(one.offset, f"{crc32(one.event.id.encode()):08x}")


def parse_place(text: str) -> Place:
    """What ``str`` made of it. Raises ValueError."""
    offset, _, check = text.partition("-")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 19 and len(check) == 8):
        raise ValueError("no place in the stream")
    return Place(int(offset), check)


class Resumed:
    """A reader behind a place; ``is_gone``: what stood there is not kept, and others behind it may be lost."""

    def __init__(self, reader: StreamReader, first: Sequence[StreamedEvent], *, is_gone: bool) -> None:
        self._reader = reader
        self._first = first
        """What came with the event that was looked for."""
        self.is_gone = is_gone

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """What comes next."""
        if self._first:
            first, self._first = self._first, ()
            return first
        return await self._reader.batch(within)


@asynccontextmanager
async def reading_after(stream: EventStream, place: Place, within: float = FOUND_WITHIN) -> AsyncIterator[Resumed]:
    """Read behind a place; where it is gone, from the oldest that there is. Raises Unavailable."""
    async with stream.reading(place.offset) as reader:
        found = await reader.batch(within)
        if found and place.is_at(found[0]):
            yield Resumed(reader, found[1:], is_gone=False)
            return
        if found and found[0].offset > place.offset:
            yield Resumed(reader, found, is_gone=True)
            return
    async with stream.reading("first") as reader:
        yield Resumed(reader, (), is_gone=True)


async def newest(stream: EventStream, within: float) -> int:
    """The offset of the newest, or of one that came together with it; -1 where none is found within so many seconds.

    RabbitMQ begins at the newest chunk, and says nothing where there is none. Raises Unavailable.
    """
    async with stream.reading("last") as reader:
        found = await reader.batch(within)
        return found[-1].offset if found else -1
