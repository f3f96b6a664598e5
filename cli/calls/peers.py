"""Peers: media of one seat by aiortc, a synthetic picture or a file out, everybody else in."""

import asyncio
import fractions
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiortc import MediaStreamTrack, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame

from callplane_client import AsyncSeat
from callplane_client.shapes import Connection, Message
from cli.calls.recording import Recording, fresh

WIDTH, HEIGHT, RATE = 160, 120, 10
ANSWER_SECONDS = 20.0
CLOSE_SECONDS = 5.0


class Picture(VideoStreamTrack):
    """A small picture whose brightness changes, so that a frozen one is seen."""

    _count = 0
    _began = 0.0

    async def recv(self) -> VideoFrame:
        """The next frame, when it is due."""
        self._began = self._began or time.monotonic()
        self._count += 1
        await asyncio.sleep(max(0.0, self._began + self._count / RATE - time.monotonic()))
        frame = VideoFrame(width=WIDTH, height=HEIGHT, format="yuv420p")
        for plane in frame.planes:
            plane.update(bytes([self._count * 8 % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        return frame


def tracks_of(source: str) -> list[MediaStreamTrack]:
    """``synthetic``, or what a file has, again and again. Raises OSError, ValueError: it cannot be read."""
    if source == "synthetic":
        return [Picture(), AudioStreamTrack()]
    player = MediaPlayer(source, loop=True)
    return [track for track in (player.video, player.audio) if track is not None]


@dataclass
class Received:
    """What one subscription has decoded so far."""

    publisher: str
    offered_at: float
    video: int = 0
    audio: int = 0
    first_after: float | None = None
    """Seconds from the offer to the first picture or sound."""
    file: Path | None = None
    """Where it is written."""


@dataclass
class Peers:
    """The peer connections of one seat."""

    seat: AsyncSeat
    tasks: asyncio.TaskGroup
    record: Path | None = None
    """Where what is received is written, each subscription in a file of its own."""
    received: dict[str, Received] = field(default_factory=dict)
    """By connection, those that were given up too."""
    on_first: list[Callable[[float], None]] = field(default_factory=list)
    """Called with the seconds from an offer to the first picture or sound of it."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each first picture or sound."""
    _open: dict[str, RTCPeerConnection] = field(default_factory=dict)
    _early: dict[str, list[Message]] = field(default_factory=dict)
    """Candidates that came before their connection was known here."""
    _answers: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    _reading: list[asyncio.Task[None]] = field(default_factory=list)
    _recordings: list[Recording] = field(default_factory=list)
    _bytes: int = 0
    """What connections that are closed have received."""

    async def publish(self, source: str) -> str:
        """Send it; the connection's id."""
        peer = self._peer()
        for track in tracks_of(source):
            peer.addTrack(track)
        return (await self._offer(peer, "publish", None)).id

    async def subscribe(self, publisher: str) -> str:
        """Receive what somebody sends, and decode it; the connection's id."""
        peer = self._peer()
        found: list[MediaStreamTrack] = []
        peer.on("track", found.append)
        for kind in ("audio", "video"):
            peer.addTransceiver(kind, direction="recvonly")
        received = Received(publisher, time.monotonic())
        connection = await self._offer(peer, "subscribe", publisher)
        self.received[connection.id] = received
        if self.record is None:
            self._reading += [self.tasks.create_task(self._decode(track, received)) for track in found]
        elif found:
            received.file = fresh(self.record)
            recording = Recording(received.file, found, lambda frame: self._took(received, frame))
            self._recordings.append(recording)
            await recording.start()
        return connection.id

    async def take(self, message: Message) -> None:
        """Act on what the media server says; all other messages are left alone."""
        data = message.data
        connection = data.get("connection_id", "")
        if message.type == "ice-candidate":
            if connection in self._open:
                await add_candidate(self._open[connection], data["candidate"])
            else:
                self._early.setdefault(connection, []).append(message)
        elif message.type == "answer" and (waiting := self._answers.get(connection)) and not waiting.done():
            waiting.set_result(data["sdp_answer"])
        elif message.type == "media-lost":
            await self.hang_up()

    async def hang_up(self) -> None:
        """Close every peer connection; what was counted stays."""
        await self.stop_recording()
        peers, self._open = list(self._open.values()), {}
        for peer in peers:
            self._bytes += await _bytes_of(peer)
            with suppress(TimeoutError):  # one that still connects may never come to an end of that
                async with asyncio.timeout(CLOSE_SECONDS):
                    await peer.close()
        for task in self._reading:
            task.cancel()
        self._reading.clear()

    async def stop_recording(self) -> None:
        """Have all that came in the files."""
        recordings, self._recordings = self._recordings, []
        for recording in recordings:
            await recording.stop()

    async def bytes_received(self) -> int:
        """By all connections, those that are closed too, as they came off the network."""
        return self._bytes + sum([await _bytes_of(peer) for peer in self._open.values()])

    def _peer(self) -> RTCPeerConnection:
        servers = [RTCIceServer(**server) for server in self.seat.joined.ice_servers]
        return RTCPeerConnection(RTCConfiguration(iceServers=servers))

    async def _offer(self, peer: RTCPeerConnection, kind: Any, publisher: str | None) -> Connection:
        try:
            await peer.setLocalDescription(await peer.createOffer())
            of: Any = {"publisher": publisher} if publisher else {}
            made = await self.seat.offer(kind, peer.localDescription.sdp, **of)
            sdp = made.sdp_answer if isinstance(made, Connection) else None
            if sdp is None:
                sdp = await self._answer(made.id)
            await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        except BaseException:
            await peer.close()
            raise
        self._open[made.id] = peer
        for message in self._early.pop(made.id, []):
            await add_candidate(peer, message.data["candidate"])
        return made if isinstance(made, Connection) else Connection(id=made.id, kind=kind, epoch=0, state="ready")

    async def _answer(self, connection: str) -> str:
        self._answers[connection] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._answers[connection]
        finally:
            del self._answers[connection]

    async def _decode(self, track: MediaStreamTrack, received: Received) -> None:
        with suppress(MediaStreamError):
            while True:
                self._took(received, await track.recv())

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


@asynccontextmanager
async def peers(seat: AsyncSeat, record: Path | None = None) -> AsyncIterator[Peers]:
    """The media of a seat for the block; somebody else has to hand the seat's messages to ``take``."""
    async with asyncio.TaskGroup() as tasks:
        made = Peers(seat, tasks, record)
        try:
            yield made
        finally:
            await made.hang_up()


async def _bytes_of(peer: RTCPeerConnection) -> int:
    report = await peer.getStats()
    return sum(one.bytesReceived for one in report.values() if one.type == "transport")


async def add_candidate(peer: RTCPeerConnection, init: dict[str, Any]) -> None:
    """Take a candidate of the media server; the end mark says nothing to aiortc."""
    if not init.get("candidate"):
        return
    candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
    candidate.sdpMid, candidate.sdpMLineIndex = init.get("sdpMid"), init.get("sdpMLineIndex")
    await peer.addIceCandidate(candidate)
