"""aiortc peers that publish a synthetic picture and tone, and that count what they can decode."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from testkit.fakes.raw_kurento import RawKurento

PATIENCE = 15.0


@dataclass
class TestPeer:
    """A peer connection and the frames that it has decoded."""

    __test__ = False

    connection: RTCPeerConnection
    tasks: asyncio.TaskGroup
    frames: dict[str, int] = field(default_factory=lambda: {"audio": 0, "video": 0})
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _watching: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection.on("track", self._watch)

    def publish(self) -> None:
        """Send a picture and silence."""
        self.connection.addTrack(VideoStreamTrack())
        self.connection.addTrack(AudioStreamTrack())

    def view(self) -> None:
        """Receive both kinds."""
        self.connection.addTransceiver("audio", direction="recvonly")
        self.connection.addTransceiver("video", direction="recvonly")

    async def offer(self) -> str:
        """Make an offer with this side's candidates in it."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    @property
    def transports(self) -> int:
        """How many transports carry this side's media."""
        found = (each.sender.transport for each in self.connection.getTransceivers())
        return len({id(transport) for transport in found})

    async def answered(self, sdp: str) -> None:
        """Apply the answer."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def candidate(self, found: dict[str, Any]) -> None:
        """Take a candidate of the other side."""
        read = candidate_from_sdp(found["candidate"].removeprefix("candidate:"))
        read.sdpMid, read.sdpMLineIndex = found["sdpMid"], found["sdpMLineIndex"]
        await self.connection.addIceCandidate(read)

    async def decoded(self, more: int = 10, within: float = PATIENCE) -> None:
        """Wait until that many more frames of both kinds have been decoded."""
        goal = {kind: count + more for kind, count in self.frames.items()}
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: all(self.frames[kind] >= goal[kind] for kind in goal))

    def _watch(self, track: MediaStreamTrack) -> None:
        self._watching.append(self.tasks.create_task(self._count(track)))

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                async with self._news:
                    self.frames[track.kind] += 1
                    self._news.notify_all()

    async def close(self) -> None:
        """Close as a browser tab does."""
        await self.connection.close()
        for task in self._watching:
            task.cancel()


@contextlib.asynccontextmanager
async def peers(count: int) -> AsyncIterator[list[TestPeer]]:
    """Open some peers and close them at the end; each has a transport for each line, until an answer bundles them."""
    configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_COMPAT)
    async with asyncio.TaskGroup() as tasks:
        made = [TestPeer(RTCPeerConnection(configuration), tasks) for _ in range(count)]
        try:
            yield made
        finally:
            for peer in made:
                await peer.close()


def unchanged(sdp: str) -> str:
    """Leave an offer as it is."""
    return sdp


async def attach(kurento: RawKurento, endpoint: str, peer: TestPeer, change: Callable[[str], str] = unchanged) -> None:
    """Negotiate with trickled server candidates, in the safe order (protocol 10.2); the offer may be changed."""
    await kurento.subscribe(endpoint, "IceCandidateFound", "IceGatheringDone")
    answer = await kurento.invoke(endpoint, "processOffer", offer=change(await peer.offer()))
    await peer.answered(answer)
    await kurento.invoke(endpoint, "gatherCandidates")
    await kurento.event("IceGatheringDone", endpoint)
    for data in kurento.seen("IceCandidateFound", endpoint):
        await peer.candidate(data["candidate"])
