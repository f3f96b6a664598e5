"""Callers: a person without a browser, who joins, publishes, and receives everybody else, again after each loss."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import AudioStreamTrack

from callplane.concurrency import single_exception
from callplane_client import AsyncCallplane, AsyncSeat, CallplaneError
from callplane_client.fields import Role
from callplane_client.media import MediaSeat, Picture, join
from cli.calls.reception import Reception

KEPT = 20


@dataclass(frozen=True)
class Caller:
    """Who joins, and what for."""

    name: str
    publish: str = ""
    """``synthetic``, a file, or nothing."""
    subscribe: bool = False
    role: Role = "publisher"
    record: Path | None = None
    """Where what is received is written."""


@dataclass
class InCall:
    """Somebody who is in a call."""

    media: MediaSeat
    reception: Reception
    joined_after: float
    troubles: list[str] = field(default_factory=list)
    """Refusals of offers, which mostly pass with the next: the last ones."""

    @property
    def seat(self) -> AsyncSeat:
        """Where it sits."""
        return self.media.seat

    def count(self, trouble: Exception) -> None:
        """One more refusal."""
        self.troubles = [*self.troubles, str(trouble)][-KEPT:]

    async def publish(self, source: str) -> None:
        """Send it; one that is refused for good is told as the others are."""
        with suppress(CallplaneError):
            await self.media.publish(tracks_of(source))


def tracks_of(source: str) -> list[MediaStreamTrack]:
    """``synthetic``, or what a file has, again and again. Raises OSError, ValueError: it cannot be read."""
    if source == "synthetic":
        return [Picture(), AudioStreamTrack()]
    player = MediaPlayer(source, loop=True)
    return [track for track in (player.video, player.audio) if track is not None]


@asynccontextmanager
async def in_call(callplane: AsyncCallplane, session_id: str, caller: Caller) -> AsyncIterator[InCall]:
    """Be in a call for the block, and leave behind it."""
    began = time.monotonic()
    with single_exception():
        async with (
            join(callplane, session_id, auto_subscribe=caller.subscribe, name=caller.name, role=caller.role) as media,
            asyncio.TaskGroup() as tasks,
        ):
            somebody = InCall(media, Reception(media, tasks, caller.record), time.monotonic() - began)
            media.on("retrying", somebody.count)
            media.on("error", somebody.count)
            publishing = tasks.create_task(somebody.publish(caller.publish)) if caller.publish else None
            try:
                yield somebody
            finally:
                if publishing is not None:
                    publishing.cancel()
                await somebody.reception.stop()  # first: leaving may take long, and somebody may not wait for its end
