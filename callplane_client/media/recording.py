"""Recording: writes a picture and a sound into a file, by aiortc's recorder."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiortc import MediaStreamTrack
from aiortc.contrib.media import MediaRecorder
from av import AudioFrame, VideoFrame

KINDS = (".webm", ".mkv", ".mp4")
"""VP8 and Opus in the first, H.264 and AAC in the others."""
HOLD_SECONDS = 3.0
"""How long sound waits for the first picture: a file says at its beginning what is in it, and how large."""

Frame = AudioFrame | VideoFrame


class Gate:
    """What a file begins with: a picture, or sound alone where none has come."""

    def __init__(self) -> None:
        self.begun_with = ""
        self._sound_since: float | None = None

    def lets(self, kind: str) -> bool:
        """Whether a frame of this kind is written."""
        if not self.begun_with:
            self._sound_since = self._sound_since or time.monotonic()
            if kind == "video" or time.monotonic() - self._sound_since > HOLD_SECONDS:
                self.begun_with = kind
        return self.begun_with == "video" or self.begun_with == kind


class Tap(MediaStreamTrack):
    """A received track, whose frames are counted before they are written."""

    def __init__(self, source: MediaStreamTrack, took: Callable[[Frame], None], gate: Gate) -> None:
        super().__init__()
        self.kind = source.kind
        self._source = source
        self._took = took
        self._gate = gate
        self._first: int | None = None
        """The time of the first frame that is written: a file begins at none."""

    async def recv(self) -> Frame:
        """The next frame that is written. Raises MediaStreamError."""
        while True:
            frame = await self._source.recv()
            assert isinstance(frame, Frame)  # what aiortc decodes; packets are of players alone
            self._took(frame)
            if frame.pts is not None and self._gate.lets(self.kind):
                self._first = frame.pts if self._first is None else self._first
                frame.pts -= self._first
                return frame


class Recording:
    """One file that is being written."""

    def __init__(
        self, file: Path, tracks: Sequence[MediaStreamTrack], took: Callable[[Frame], None] = lambda _: None
    ) -> None:
        self.file = file
        self._recorder = MediaRecorder(str(file))
        gate = Gate()
        for track in tracks:
            self._recorder.addTrack(Tap(track, took, gate))

    async def start(self) -> None:
        """Write what comes."""
        await self._recorder.start()

    async def stop(self) -> None:
        """Have all of it in the file; where nothing came there is none."""
        await self._recorder.stop()
        if self.file.exists() and self.file.stat().st_size == 0:
            self.file.unlink()


def fresh(file: Path) -> Path:
    """The file, or one with a number behind its name where it is there already: nothing is written over."""
    number, found = 1, file
    while found.exists():
        number += 1
        found = file.with_name(f"{file.stem}-{number}{file.suffix}")
    return found
