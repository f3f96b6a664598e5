"""Recording: what is in a file, whichever of picture and sound comes first or alone, and that none is written over."""

import asyncio
import time
from pathlib import Path

import av
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import AudioStreamTrack
from av import VideoFrame

from callplane_client.media import Picture, Recording, recording
from callplane_client.media.recording import Frame, Gate, fresh
from callplane_client.media.synthetic import HEIGHT, WIDTH


class Late(Picture):
    """A picture that comes behind the first sound, in the middle of its time line."""

    async def recv(self) -> VideoFrame:
        """The next frame."""
        if not self._began:
            await asyncio.sleep(0.1)
        frame = await super().recv()
        frame.pts += 9_000_000
        return frame


async def recorded(file: Path, tracks: list[MediaStreamTrack], pictures: int = 0, sounds: int = 0) -> list[Frame]:
    """Record until so many have come; everything that came."""
    took: list[Frame] = []
    enough = asyncio.Event()

    def take(frame: Frame) -> None:
        took.append(frame)
        seen = sum(isinstance(each, VideoFrame) for each in took)
        if seen >= pictures and len(took) - seen >= sounds:
            enough.set()

    one = Recording(file, tracks, take)
    await one.start()
    async with asyncio.timeout(30):
        await enough.wait()
    await one.stop()
    for track in tracks:
        track.stop()
    return took


def is_there(file: Path) -> bool:
    return file.exists()


def streams_of(file: Path) -> dict[str, list[float]]:
    """The times of the frames of each kind."""
    with av.open(str(file)) as container:
        found: dict[str, list[float]] = {stream.type: [] for stream in container.streams}
        for packet in container.demux():
            for frame in packet.decode():
                found[packet.stream.type].append(float(frame.pts * frame.time_base))
                if isinstance(frame, VideoFrame):
                    assert (frame.width, frame.height) == (WIDTH, HEIGHT)
    return found


@pytest.mark.parametrize("kind", recording.KINDS)
async def test_picture_and_sound_begin_together_at_none(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"call{kind}"
    took = await recorded(file, [AudioStreamTrack(), Late()], pictures=4)
    found = streams_of(file)
    assert len(found["video"]) >= 3
    assert (min(found["video"]), abs(min(found["audio"])) < 0.1) == (0, True)  # by their own clocks
    assert len(took) > len(found["video"])


async def test_sound_alone_is_written_when_no_picture_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "HOLD_SECONDS", 0.05)
    await recorded(tmp_path / "call.webm", [AudioStreamTrack()], sounds=20)
    assert list(streams_of(tmp_path / "call.webm")) == ["audio"]


async def test_where_nothing_came_there_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "call.webm"
    await Recording(file, [AudioStreamTrack()], lambda _: None).stop()
    assert not is_there(file)


def test_a_picture_that_comes_too_late_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    assert not gate.lets("audio")
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    assert [gate.lets(kind) for kind in ("audio", "video", "audio")] == [True, False, True]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "call.webm"
    names = []
    for _ in range(3):
        names.append(fresh(file).name)
        fresh(file).touch()
    assert names == ["call.webm", "call-2.webm", "call-3.webm"]
