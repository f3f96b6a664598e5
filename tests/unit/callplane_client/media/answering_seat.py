"""A seat of tests whose media server is a peer of aiortc for each offer, in this process."""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from callplane_client import CallplaneError
from callplane_client.media import Picture
from callplane_client.shapes import Accepted, Connection

AT = "2026-01-05T09:00:00Z"


class AnsweringSeat:
    """Answers each offer, to subscribers with a picture and a sound; ``troubles`` come first."""

    def __init__(self) -> None:
        self.id = "me"
        self.joined = SimpleNamespace(ice_servers=[])
        self.epoch = 1
        self.by_mailbox = False
        """Whether offers are answered with a 202."""
        self.gate = asyncio.Event()
        """Offers wait for it."""
        self.gate.set()
        self.troubles: list[CallplaneError] = []
        self.offers: list[dict[str, Any]] = []
        self.answers: dict[str, str] = {}
        self.stopped: list[str] = []
        self.trickled: dict[str, list[dict[str, Any]]] = {}
        self.peers: list[RTCPeerConnection] = []
        self.offered = asyncio.Event()

    async def offer(self, kind: Any, sdp: str, **offer: Any) -> Connection | Accepted:
        """Its answer."""
        self.offers.append({"kind": kind, "sdp": sdp, **offer})
        self.offered.set()
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        peer = RTCPeerConnection()
        self.peers.append(peer)
        if kind == "subscribe":
            peer.addTrack(AudioStreamTrack())
            peer.addTrack(Picture())
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        connection_id, answer = f"c{len(self.peers)}", peer.localDescription.sdp
        self.answers[connection_id] = answer
        if self.by_mailbox:
            return Accepted(id=connection_id, command_id=f"of {connection_id}")
        return Connection(id=connection_id, kind=kind, epoch=self.epoch, state="ready", sdp_answer=answer)

    async def candidates(self, connection_id: str, candidates: Any) -> None:
        """What followed an offer."""
        self.trickled[connection_id] = list(candidates)

    async def stop(self, connection_id: str) -> None:
        """One connection is to end."""
        self.stopped.append(connection_id)

    async def until_offers(self, count: int) -> None:
        """Wait until so many offers came."""
        async with asyncio.timeout(20):
            while len(self.offers) < count:
                self.offered.clear()
                await self.offered.wait()

    async def close(self) -> None:
        """Close what answered."""
        for peer in self.peers:
            await peer.close()
