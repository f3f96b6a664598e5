"""Stream port: everything that was published to ``events``, kept for a while, read from any place by anybody."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from callplane.bus.event_ports import ReceivedEvent

Start = int | datetime | Literal["first", "last", "next"]
"""Where reading begins: at an offset, at about a time, at the oldest that there is, among the newest, or behind them.

An offset that is not kept any more is the oldest that there is; one that is not there yet is waited for. A time is that
of coming to the stream, and some of before come with it, for RabbitMQ finds the chunk in which it lies.
"""


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """How much of the past is kept: what is younger and what fits, and a segment more at most."""

    days: int = 7
    gigabytes: int = 10


def stream_bounds(days: int, gigabytes: int) -> StreamBounds | None:
    """As settings say it: no days, no stream."""
    return StreamBounds(days, gigabytes) if days else None


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """An event and where it stands: offsets grow by one, and an event's never changes."""

    offset: int
    event: ReceivedEvent


class StreamReader(Protocol):
    """One reader, which takes nothing from others; it holds no more than ``PREFETCH`` events."""

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """What comes next, in order; empty when nothing has come within so many seconds.

        Asking acknowledges what was given before, which is all that lets more come. Raises Unavailable when this
        reading is over: whoever wants more opens another behind the last that it has dealt with.
        """
        ...


class EventStream(Protocol):
    """The stream, for any number of readers."""

    def reading(self, start: Start) -> AbstractAsyncContextManager[StreamReader]:
        """Read for as long as the block runs. Raises Unavailable, also where there is no stream."""
        ...
