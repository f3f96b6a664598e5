"""Tracks that outlive endpoints: what is sent by whichever carries it, what is received, bounded, in one time line."""

import asyncio
import logging
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Self, TypeAlias

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from av.frame import Frame
from av.packet import Packet

from callplane_client.media.latest import Latest

Data: TypeAlias = "Frame | Packet[Any]"
"""What a track gives: decoded, or of a player that decodes nothing."""
MOST = {"audio": 100, "video": 16}
"""Frames that wait for a reader: two seconds of sound; pictures are large."""
AHEAD = {"audio": 10, "video": 4}
"""Frames that wait to be sent."""


class TimeLine:
    """Times of frames that go on where they were when they come from somewhere else, by the time that has passed.

    Counted in ticks of the frames themselves: fractions are reckoned with at a move alone, not for each frame.
    """

    def __init__(self) -> None:
        self._shift = Fraction(0)
        """Seconds by which frames are later than they say, since the last move."""
        self._ticks = 0
        """The same in ticks of this length."""
        self._tick: Fraction | None = None
        self._last: tuple[int, Fraction, float] | None = None
        """The last frame's time in ticks, their length, and when it came."""
        self._moved = False

    def moved(self) -> None:
        """What comes next is from somewhere else."""
        self._moved = self._last is not None

    def place(self, frame: Data) -> None:
        """Set its time."""
        pts, tick = frame.pts, frame.time_base
        if pts is None or not tick:
            return
        now = time.monotonic()
        if self._moved and self._last is not None:
            last, of, came = self._last
            passed = Fraction(max(0.001, now - came)).limit_denominator(90_000)
            self._shift, self._tick, self._moved = last * of + passed - pts * tick, None, False
        if self._shift:
            if tick != self._tick:
                self._tick, self._ticks = tick, round(self._shift / tick)
            pts += self._ticks
            frame.pts = pts
        self._last = pts, tick, now


class Outgoing:
    """What one publication sends of a kind: a track, or the one that took its place.

    From when it is first sent it is read whether an endpoint carries it or not, as a camera is: what nobody takes is
    dropped, for it would come late.
    """

    def __init__(self, track: MediaStreamTrack, tasks: asyncio.TaskGroup, ended: Callable[[], None]) -> None:
        self.track = track
        self.kind = track.kind
        self.muted = False
        """Whether silence or blackness is sent."""
        self.is_over = False
        """Whether its track gives nothing more."""
        self._tasks = tasks
        self._ended = ended
        self._frames: Latest[Data] = Latest(AHEAD[track.kind])
        self._times = TimeLine()
        self._reading: asyncio.Task[None] | None = None

    def replace(self, track: MediaStreamTrack) -> None:
        """Send another track of the same kind from now on."""
        self.track, self.is_over = track, False
        if self._reading is not None:
            self._times.moved()
            self._reading.cancel()
            self._reading = self._tasks.create_task(self._read(track))

    async def next(self) -> Data:
        """The next frame. Raises MediaStreamError: it was stopped."""
        if self._reading is None and not self._frames.is_closed:
            self._reading = self._tasks.create_task(self._read(self.track))
        try:
            return await self._frames.get()
        except EOFError:
            raise MediaStreamError from None

    def stop(self) -> None:
        """Read it no more; the track stays as it is."""
        self._frames.close()
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                self._times.place(frame)
                if not self.muted:
                    self._frames.put(frame)
                elif isinstance(frame, VideoFrame | AudioFrame):
                    self._frames.put(blank(frame))
        except MediaStreamError:
            pass
        except Exception:
            logging.getLogger("callplane_client").exception("a track that is sent failed")
        self.is_over = True
        self._ended()


class Feed(MediaStreamTrack):
    """What one endpoint sends: aiortc ends it with the endpoint, and not what it comes from."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__()
        self.kind = outgoing.kind
        self._outgoing = outgoing

    async def recv(self) -> Data:
        """The next frame."""
        return await self._outgoing.next()


class ReceivedTrack(MediaStreamTrack):
    """What is received of a kind, from whichever endpoint; ``async for frame in track``, or ``recv()``.

    What is not taken in time is dropped, the oldest first.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.count = 0
        """Frames that came."""
        self._frames: Latest[Frame] = Latest(MOST[kind])
        self._times = TimeLine()

    @property
    def dropped(self) -> int:
        """How many nobody took in time."""
        return self._frames.dropped

    async def recv(self) -> Frame:
        """The next frame. Raises MediaStreamError: there is none any more."""
        try:
            return await self._frames.get()
        except EOFError:
            raise MediaStreamError from None

    def take(self, frame: Frame) -> None:
        """One more has come."""
        self._times.place(frame)
        self.count += 1
        if self.readyState == "live":
            self._frames.put(frame)

    def moved(self) -> None:
        """What comes next is from another endpoint."""
        self._times.moved()

    def stop(self) -> None:
        """Take no more."""
        super().stop()
        self._frames.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        try:
            return await self.recv()
        except MediaStreamError:
            raise StopAsyncIteration from None


def blank(frame: VideoFrame | AudioFrame) -> VideoFrame | AudioFrame:
    """Blackness or silence in the place of a frame."""
    empty: VideoFrame | AudioFrame
    if isinstance(frame, VideoFrame):
        empty = VideoFrame(frame.width, frame.height, "yuv420p")
        for plane, value in zip(empty.planes, (16, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
    else:
        empty = AudioFrame(frame.format.name, frame.layout.name, frame.samples)
        for channel in empty.planes:
            channel.update(bytes(channel.buffer_size))
        empty.sample_rate = frame.sample_rate
    empty.pts, empty.time_base = frame.pts, frame.time_base
    return empty
