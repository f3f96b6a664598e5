"""A participant without a browser: HTTP and its messages outside, aiortc inside; each request to the next pod."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame, VideoFrame

from callplane_client.media import Picture
from callplane_client.media.peer import add_candidate

REQUEST_SECONDS = 20.0
WAIT_SECONDS = 20.0
CLOSE_SECONDS = 5.0

Message = dict[str, Any]


class Refused(AssertionError):
    """An offer that was not answered with a connection; most tests want none."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


@dataclass
class Received:
    """What one subscription has decoded so far."""

    video: int = 0
    audio: int = 0
    size: tuple[int, int] = (0, 0)
    began: float | None = None
    """When the first picture was decoded (``time.monotonic``)."""
    times: list[float] = field(default_factory=list)
    """Of each picture, its time as the media server sent it: a gap is what was not forwarded, on a busy machine too."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, video: int, audio: int) -> None:
        """Wait until so many frames of each have been decoded."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.video < video or self.audio < audio:
                self.changed.clear()
                await self.changed.wait()


class Pods:
    """One HTTP client that sends every request to the other pod than the one before."""

    def __init__(self, client: httpx.AsyncClient, urls: Iterable[str]) -> None:
        self._client = client
        self._urls = itertools.cycle(list(urls))

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request to the next pod."""
        return await self._client.request(method, next(self._urls) + path, **options)


@asynccontextmanager
async def pods(urls: Iterable[str]) -> AsyncIterator[Pods]:
    """Open the client."""
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
        yield Pods(client, urls)


class Participant:
    """One seat in one session."""

    def __init__(self, ask: Pods, joined: dict[str, Any]) -> None:
        self.id: str = joined["participant"]["id"]
        self.session: str = joined["session"]["id"]
        self.joined = joined
        self.messages: list[Message] = []
        self.epochs: dict[str, int] = {}
        """Each connection that was made, and the epoch that it belongs to."""
        self._ask = ask
        self.authorization = {"Authorization": f"Bearer {joined['token']}"}
        self._peers: dict[str, RTCPeerConnection] = {}
        self._early: dict[str, list[Message]] = {}
        self._heard = asyncio.Event()
        self._known: set[str] = set()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with this participant's token, to the next pod."""
        return await self._ask(method, path, headers=self.authorization, **options)

    async def poll(self) -> None:
        """Read the mailbox until cancelled, acknowledging what came, and act on it."""
        ack: str | None = None
        while True:
            params = {"wait": 5} | ({"ack": ack} if ack else {})
            answer = await self.ask("GET", "/v1/messages", params=params)
            if answer.status_code == 503:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code == 410:
                return
            assert answer.status_code == 200, answer.text
            batch = answer.json()
            ack = batch["ack"] or ack
            for message in batch["messages"]:
                await self._take(message)

    async def heard(self, wanted: Callable[[Message], bool]) -> Message:
        """Wait for the first message, old or new, that matches."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                self._heard.clear()
                await self._heard.wait()

    async def more(self, count: int) -> None:
        """Wait until more than so many messages have come."""
        while len(self.messages) <= count:
            self._heard.clear()
            await self._heard.wait()

    async def publish(self, **fields: str) -> str:
        """Send picture and sound, ``replaces`` where it is a restart; returns the connection's id."""
        peer = _peer()
        peer.addTrack(Picture())
        peer.addTrack(AudioStreamTrack())
        return await self._offer(peer, {"kind": "publish", **fields})

    async def subscribe(self, publisher: str, received: Received | None = None) -> tuple[str, Received]:
        """Receive what somebody sends, and decode it; ``received``: count on there."""
        peer, received = _peer(), received or Received()
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        for kind in ("audio", "video"):
            peer.addTransceiver(kind, direction="recvonly")
        connection = await self._offer(peer, {"kind": "subscribe", "publisher": publisher})
        for track in tracks:
            self._decoding.append(self._group.create_task(_decode(track, received)))
        return connection, received

    async def abandon(self) -> None:
        """Go without a word: no poll any more, and no media."""
        self.stop_reading()
        await self.hang_up()
        for task in self._decoding:
            task.cancel()

    def stop_reading(self) -> None:
        """Ask for no message any more."""
        self._polling.cancel()

    async def hang_up(self, before: float = math.inf) -> None:
        """Close the peer connections of earlier epochs here (of all), and tell nobody."""
        for connection in [c for c, epoch in self.epochs.items() if epoch < before and c in self._peers]:
            await _closed(self._peers.pop(connection))

    async def stop(self, connection: str) -> httpx.Response:
        """End one connection."""
        answer = await self.ask("DELETE", f"/v1/sessions/{self.session}/connections/{connection}")
        await _closed(self._peers.pop(connection))
        return answer

    async def leave(self) -> httpx.Response:
        """Give the seat up."""
        return await self.ask("DELETE", f"/v1/sessions/{self.session}/participants/{self.id}")

    async def live(self, group: asyncio.TaskGroup) -> None:
        """Start reading the mailbox."""
        self._group = group
        self._decoding: list[asyncio.Task[None]] = []
        self._polling = group.create_task(self.poll())

    async def _offer(self, peer: RTCPeerConnection, body: dict[str, Any]) -> str:
        gathering = asyncio.ensure_future(_gather(peer))
        try:
            await asyncio.shield(gathering)
            sdp, candidates = _trickled(peer.localDescription.sdp)
            answer = await self.ask("POST", f"/v1/sessions/{self.session}/connections", json={**body, "sdp_offer": sdp})
            if answer.status_code != 201:
                raise Refused(answer.status_code, answer.text)
            made = answer.json()
            await peer.setRemoteDescription(RTCSessionDescription(made["sdp_answer"], "answer"))
        except BaseException:
            await asyncio.wait((gathering,))  # cut off it would leave its sockets open, to the next test's account
            await _closed(peer)
            raise
        self._peers[made["id"]], self.epochs[made["id"]] = peer, made["epoch"]
        path = f"/v1/sessions/{self.session}/connections/{made['id']}/candidates"
        sent = await self.ask("POST", path, json={"candidates": candidates})
        assert sent.status_code == 202, sent.text
        for message in self._early.pop(made["id"], []):
            await add_candidate(peer, message["data"]["candidate"])
        return str(made["id"])

    async def _take(self, message: Message) -> None:
        if message["id"] in self._known:
            return
        self._known.add(message["id"])
        self.messages.append(message)
        if message["type"] == "ice-candidate":
            connection = message["data"]["connection_id"]
            if connection in self._peers:
                await add_candidate(self._peers[connection], message["data"]["candidate"])
            else:
                self._early.setdefault(connection, []).append(message)
        self._heard.set()


@asynccontextmanager
async def person(ask: Pods, session: str, headers: dict[str, str], **fields: Any) -> AsyncIterator[Participant]:
    """Join, read the mailbox for the block, and close all connections at its end."""
    _forgive_the_closed(asyncio.get_running_loop())
    answer = await ask("POST", f"/v1/sessions/{session}/participants", headers=headers, json=fields)
    assert answer.status_code == 201, answer.text
    async with asyncio.TaskGroup() as group:
        somebody = Participant(ask, answer.json())
        await somebody.live(group)
        try:
            yield somebody
        finally:
            await somebody.abandon()


def _forgive_the_closed(loop: asyncio.AbstractEventLoop) -> None:
    """aiortc connects in a task that nobody can await, and which fails when its connection is closed meanwhile."""
    loop.set_exception_handler(_tell_but_of_the_closed)


def _tell_but_of_the_closed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), InvalidStateError):
        loop.default_exception_handler(context)


async def _closed(peer: RTCPeerConnection) -> None:
    """Close it; one that aiortc still connects may never come to an end of that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await peer.close()


def _peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def _gather(peer: RTCPeerConnection) -> None:
    await peer.setLocalDescription(await peer.createOffer())


def _trickled(sdp: str) -> tuple[str, list[dict[str, Any]]]:
    """An offer without candidates, and the candidates that it had: what a browser sends while it still gathers."""
    lines, candidates, index = [], [], -1
    for line in sdp.splitlines():
        if line.startswith("m="):
            index += 1
        if line.startswith("a=candidate:"):
            candidates.append({"candidate": line[2:], "sdpMLineIndex": index})
        elif line != "a=end-of-candidates":
            lines.append(line)
    return "\r\n".join(lines) + "\r\n", candidates


async def _decode(track: MediaStreamTrack, received: Received) -> None:
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, VideoFrame):
            received.began = received.began or time.monotonic()
            received.video += 1
            received.times.append(frame.time or 0.0)
            received.size = (frame.width, frame.height)
        elif isinstance(frame, AudioFrame):
            received.audio += 1
        received.changed.set()
