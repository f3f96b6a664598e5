"""Live video that costs little: real VP8 of 160x120 at 10 frames a second, encoded once and decoded by everybody.

Forty encoders would be what such a run measures on a small machine. Every frame is a key frame: one that is lost costs
one picture, and a gap that is seen is a gap in what arrived.
"""

import asyncio
import fractions
import time
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

WIDTH, HEIGHT, RATE = 160, 120, 10
_CLOCK = fractions.Fraction(1, RATE)


def encoded(frames: int = RATE) -> list[bytes]:
    """So many pictures of growing brightness."""
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = WIDTH, HEIGHT, "yuv420p", _CLOCK
    codec.options = {"g": "1", "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    made: list[bytes] = []
    for number in range(frames):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([number * 20 % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = number, _CLOCK
        made += [bytes(packet) for packet in codec.encode(frame)]
    return made + [bytes(packet) for packet in codec.encode(None)]


class Film(MediaStreamTrack):
    """Plays encoded pictures again and again; aiortc sends them as they are."""

    kind = "video"

    def __init__(self, pictures: list[bytes]) -> None:
        super().__init__()
        self._pictures = pictures
        self._count = 0
        self._began = 0.0

    async def recv(self) -> "Packet[Any]":
        """The next picture, when it is due."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._count / RATE - time.monotonic()))
        packet = Packet(self._pictures[self._count % len(self._pictures)])
        packet.pts, packet.time_base = self._count, _CLOCK
        self._count += 1
        return packet


async def watch(track: MediaStreamTrack, decoded: list[float]) -> None:
    """Note when each picture was decoded (``time.monotonic``, the same in all processes), until the track ends."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(frame, av.VideoFrame)
        assert (frame.width, frame.height) == (WIDTH, HEIGHT)
        decoded.append(time.monotonic())
