"""Reception: what a person without a browser receives, counted and, where it is wanted, written into files."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from av import VideoFrame

from callplane_client.media import MediaSeat, ReceivedTrack, Recording, RemoteStream
from callplane_client.media import Received as Endpoint
from callplane_client.media.recording import fresh


@dataclass
class Received:
    """What one subscription has decoded so far, from its offer until its media was lost."""

    publisher: str
    offered_at: float
    video: int = 0
    audio: int = 0
    first_after: float | None = None
    """Seconds from the offer to the first picture or sound."""
    file: Path | None = None
    """Where it is written."""


@dataclass
class Reception:
    """What one seat receives."""

    seat: MediaSeat
    tasks: asyncio.TaskGroup
    record: Path | None = None
    """Where what is received is written, each subscription in a file of its own."""
    received: dict[str, Received] = field(default_factory=dict)
    """By connection, those that were given up too."""
    on_first: list[Callable[[float], None]] = field(default_factory=list)
    """Called with the seconds from an offer to the first picture or sound of it."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each first picture or sound."""
    _now: dict[RemoteStream, Received] = field(default_factory=dict)
    """By which of them a stream is received."""
    _reading: list[asyncio.Task[None]] = field(default_factory=list)
    _recordings: dict[RemoteStream, Recording] = field(default_factory=dict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.seat.on("received", self._begin)

    async def stop(self) -> None:
        """Count no more, and have all that came in the files."""
        for task in self._reading:
            task.cancel()
        async with self._writing:
            recordings, self._recordings = list(self._recordings.values()), {}
            for recording in recordings:
                await recording.stop()

    def _begin(self, endpoint: Endpoint) -> None:
        stream, known = endpoint.stream, endpoint.stream in self._now
        received = self._now[stream] = Received(stream.participant_id, endpoint.offered_at)
        self.received[endpoint.connection_id] = received
        if self.record is not None:
            self._reading.append(self.tasks.create_task(self._write(endpoint, received, self.record)))
        elif not known:
            self._reading += [
                self.tasks.create_task(self._count(stream, each)) for each in (stream.video, stream.audio)
            ]

    async def _count(self, stream: RemoteStream, track: ReceivedTrack) -> None:
        async for frame in track:
            self._took(self._now[stream], frame)

    async def _write(self, endpoint: Endpoint, received: Received, record: Path) -> None:
        stream = endpoint.stream
        tracks = [track for track in (stream.audio, stream.video) if track.kind in endpoint.media]
        if not tracks:
            return
        async with self._writing:
            if (before := self._recordings.pop(stream, None)) is not None:
                await before.stop()
            received.file = fresh(record)
            self._recordings[stream] = Recording(received.file, tracks, lambda frame: self._took(received, frame))
            await self._recordings[stream].start()

    def _took(self, received: Received, frame: object) -> None:
        if received.first_after is None:
            received.first_after = time.monotonic() - received.offered_at
            self.heard.set()
            for each in self.on_first:
                each(received.first_after)
        if isinstance(frame, VideoFrame):
            received.video += 1
        else:
            received.audio += 1
