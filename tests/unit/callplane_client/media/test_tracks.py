"""Tracks: what is sent goes on through replacements and mutes, what is received is bounded and in one time line."""

import asyncio
from fractions import Fraction

import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame, VideoFrame

from callplane_client.media import Picture, ReceivedTrack
from callplane_client.media.latest import Latest
from callplane_client.media.tracks import MOST, Outgoing, TimeLine, blank


def picture(pts: int, rate: int = 90_000) -> VideoFrame:
    frame = VideoFrame(16, 16, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([200]) * plane.buffer_size)
    frame.pts, frame.time_base = pts, Fraction(1, rate)
    return frame


class Ends(MediaStreamTrack):
    """A track that gives nothing."""

    kind = "video"

    async def recv(self) -> VideoFrame:
        """The end."""
        raise MediaStreamError


async def test_times_go_on_behind_a_move_whatever_the_new_base_is() -> None:
    times = TimeLine()
    placed = []
    for frame in (picture(90_000), picture(99_000)):
        times.place(frame)
        placed.append(frame.time)
    times.moved()
    for frame in (picture(0, 1000), picture(100, 1000)):
        times.place(frame)
        placed.append(frame.time)
    assert placed == sorted(placed)
    assert placed[3] - placed[2] == pytest.approx(0.1, abs=0.002)


async def test_what_nobody_takes_is_dropped_oldest_first_and_counted() -> None:
    track = ReceivedTrack("video")
    for pts in range(MOST["video"] + 3):
        track.take(picture(pts))
    assert (track.count, track.dropped, (await track.recv()).pts) == (MOST["video"] + 3, 3, 3)
    track.stop()
    left = [frame.pts async for frame in track]
    assert left == list(range(4, MOST["video"] + 3))
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_a_replaced_track_ends_nothing_and_the_last_that_ends_is_told() -> None:
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        outgoing = Outgoing(Picture(), tasks, ended.set)
        first = await outgoing.next()
        outgoing.replace(Picture())
        assert first.pts is not None
        assert (await outgoing.next()).pts > first.pts
        assert not ended.is_set()
        outgoing.replace(Ends())
        async with asyncio.timeout(10):
            await ended.wait()
        assert outgoing.is_over
        outgoing.stop()


async def test_what_is_muted_is_black_and_silent_and_goes_on() -> None:
    async with asyncio.TaskGroup() as tasks:
        for track in (Picture(), AudioStreamTrack()):
            outgoing = Outgoing(track, tasks, lambda: None)
            outgoing.muted = True
            first, second = await outgoing.next(), await outgoing.next()
            assert second.pts > first.pts
            outgoing.stop()
    black = blank(picture(7))
    assert isinstance(black, VideoFrame)
    assert (black.pts, set(bytes(black.planes[0])), set(bytes(black.planes[1]))) == (7, {16}, {128})
    loud = AudioFrame("s16", "mono", 160)
    loud.planes[0].update(b"\x11" * loud.planes[0].buffer_size)
    loud.sample_rate, loud.pts, loud.time_base = 8000, 5, Fraction(1, 8000)
    silent = blank(loud)
    assert isinstance(silent, AudioFrame)
    assert (set(bytes(silent.planes[0])), silent.samples, silent.sample_rate, silent.pts) == ({0}, 160, 8000, 5)


async def test_a_queue_that_is_closed_gives_what_it_has() -> None:
    latest: Latest[int] = Latest(2)
    for n in range(3):
        latest.put(n)
    latest.close()
    assert ([n async for n in latest], latest.dropped) == ([1, 2], 1)
