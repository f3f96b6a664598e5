"""Synthetic media: a small moving picture, for tests and load, where there is neither camera nor file."""

import asyncio
import fractions
import time

from aiortc import VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

WIDTH, HEIGHT, RATE = 160, 120, 10


class Picture(VideoStreamTrack):
    """A small picture whose brightness changes, so that a frozen one is seen."""

    _count = 0
    _began = 0.0

    async def recv(self) -> VideoFrame:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._began = self._began or time.monotonic()
        self._count += 1
        await asyncio.sleep(max(0.0, self._began + self._count / RATE - time.monotonic()))
        frame = VideoFrame(width=WIDTH, height=HEIGHT, format="yuv420p")
        for plane in frame.planes:
            plane.update(bytes([self._count * 8 % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        return frame
