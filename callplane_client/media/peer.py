"""Peer connection of aiortc from its offer to its end: candidates gathered or trickled, and no socket left open."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError
from aiortc.sdp import candidate_from_sdp

from callplane_client.media.early import CANDIDATES, Candidate

GATHER_SECONDS = 0.5
"""An offer waits so long for candidates; those of a slow STUN or TURN server follow it."""
CLOSE_SECONDS = 5.0


class Connecting(RTCPeerConnection):
    """One whose connecting can be waited for: aiortc keeps the task of it nowhere, and closing makes it fail."""

    def __init__(self, configuration: RTCConfiguration) -> None:
        super().__init__(configuration)
        self.underway: set[asyncio.Task[Any]] = set()

    async def _RTCPeerConnection__connect(self) -> None:  # in the place of a private method of its class
        task = asyncio.current_task()
        assert task is not None
        self.underway.add(task)
        try:
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        except (InvalidStateError, ConnectionError, AssertionError):
            if self.connectionState != "closed" and self.signalingState != "closed":
                raise
        finally:
            if self.signalingState == "closed":
                await self._end_again()
            self.underway.discard(task)

    async def _end_again(self) -> None:
        """What connecting may have started behind its end: decoders, and asking for consent (RFC 7675) for ever."""
        for each in self.getTransceivers():
            await each.stop()
            if each.sender.transport is not None:
                await each.sender.transport.transport._connection.close()


class Peer:
    """One endpoint's side here; a restart is another one, for Kurento negotiates nothing again."""

    def __init__(self, ice_servers: Sequence[dict[str, Any]], changed: Callable[[], None]) -> None:
        self._pc = Connecting(RTCConfiguration(iceServers=[_server(one) for one in ice_servers]))
        self._pc.on("connectionstatechange", changed)
        self._pc.on("track", lambda track: self.tracks.append(track))
        self.tracks: list[MediaStreamTrack] = []
        """What is received."""
        self._remote: list[Candidate] = []
        """Those that came before the answer."""
        self._gathering: asyncio.Task[None] | None = None
        self._is_late = False

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``."""
        return self._pc.connectionState

    def send(self, track: MediaStreamTrack, max_kbps: int | None = None) -> None:
        """Have a track sent."""
        sender = self._pc.addTransceiver(track, direction="sendonly").sender
        if track.kind == "video" and max_kbps:
            limit(sender, max_kbps * 1000)

    def receive(self, kind: str) -> None:
        """Have a kind received."""
        self._pc.addTransceiver(kind, direction="recvonly")

    async def offer(self) -> str:
        """The SDP to offer, with its candidates unless they take long."""
        offer = await self._pc.createOffer()
        # A task of its own that nobody cancels: cut off it would leave its sockets open.
        self._gathering = asyncio.ensure_future(self._pc.setLocalDescription(offer))
        done, _ = await asyncio.wait({self._gathering}, timeout=GATHER_SECONDS)
        if not done:
            self._is_late = True
            return str(offer.sdp)
        self._gathering.result()
        return str(self._pc.localDescription.sdp)

    async def answer(self, sdp: str) -> list[Candidate]:
        """Take the answer; candidates of our own that the offer had not."""
        assert self._gathering is not None
        await asyncio.shield(self._gathering)
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        early, self._remote = self._remote, []
        for candidate in early:
            await self._add(candidate)
        return candidates_in(self._pc.localDescription.sdp)[:CANDIDATES] if self._is_late else []

    async def candidate(self, candidate: Candidate) -> None:
        """A candidate of the server; one that is early waits for the answer."""
        if self._pc.signalingState == "closed":
            return
        if self._pc.signalingState == "stable" and self._pc.remoteDescription is not None:
            await self._add(candidate)
        elif len(self._remote) < CANDIDATES:
            self._remote.append(candidate)

    @property
    def sends(self) -> list[str]:
        """The kinds that the answer lets us send."""
        return [one.kind for one in self._pc.getTransceivers() if one.currentDirection in ("sendonly", "sendrecv")]

    async def bytes_received(self) -> int:
        """As they came off the network."""
        report = await self._pc.getStats()
        return sum(one.bytesReceived for one in report.values() if one.type == "transport")

    async def close(self) -> None:
        """Close it with all its sockets."""
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=CLOSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pc.close()
        left = {each for each in (*self._pc.underway, self._gathering) if each is not None and not each.done()}
        if left:
            await asyncio.wait(left, timeout=CLOSE_SECONDS)
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=CLOSE_SECONDS)
        if self._gathering is not None and self._gathering.done() and not self._gathering.cancelled():
            self._gathering.exception()

    async def _add(self, init: Candidate) -> None:
        with suppress(Exception):  # a single one that cannot be read must not cost the call
            await add_candidate(self._pc, init)


async def add_candidate(peer: RTCPeerConnection, init: Candidate) -> None:
    """Take a candidate (``RTCIceCandidateInit``) of the other side; the end mark says nothing to aiortc."""
    if not init.get("candidate"):
        return
    candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
    candidate.sdpMid, candidate.sdpMLineIndex = init.get("sdpMid"), init.get("sdpMLineIndex")
    await peer.addIceCandidate(candidate)


def candidates_in(sdp: str) -> list[Candidate]:
    """The candidates of a description, as they are trickled."""
    found: list[Candidate] = []
    index = -1
    for line in sdp.splitlines():
        index += line.startswith("m=")
        if line.startswith("a=candidate:"):
            found.append({"candidate": line[2:], "sdpMLineIndex": index})
    return found


def limit(sender: RTCRtpSender, bits: int) -> None:
    """Have a sender's encoder make no more bits a second, which aiortc has no word for; 250 kbit/s are its least."""
    encoded = sender._next_encoded_frame

    async def limited(codec: Any) -> Any:
        encoder: Any = getattr(sender, "_RTCRtpSender__encoder", None)
        if getattr(encoder, "target_bitrate", 0) > bits:
            encoder.target_bitrate = bits
        return await encoded(codec)

    sender._next_encoded_frame = limited  # type: ignore[method-assign]


def _server(one: dict[str, Any]) -> RTCIceServer:
    return RTCIceServer(urls=one["urls"], username=one.get("username"), credential=one.get("credential"))
