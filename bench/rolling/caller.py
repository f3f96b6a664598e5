"""A person in a live call: sends and receives pictures, numbers each signal and change, and keeps account of all."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection

from bench.rolling.asking import GaveUp, Patient, Requests, asking
from bench.rolling.pictures import Film, watch
from testkit.clients.participant import Participant

POLL_SECONDS = 25
FIRST_PICTURES = 20
SIGNAL = "count"


class Caller(Participant):
    """One seat, with connections of its own to the API."""

    def __init__(self, ask: Patient, joined: dict[str, Any], requests: Requests) -> None:
        super().__init__(ask, joined)  # type: ignore[arg-type]  # asked in the same way as its Pods
        self.requests = requests
        self.other = ""
        self.acknowledged: list[int] = []
        self.doubtful: list[int] = []
        self.decoded: list[float] = []
        self.hung_up: list[str] = []
        self.ended = ""
        self.talking = asyncio.Event()
        self._sent = 0

    async def poll(self) -> None:
        """Read the mailbox until cancelled or until it is over."""
        ack: str | None = None
        while True:
            params = {"wait": POLL_SECONDS} | ({"ack": ack} if ack else {})
            try:
                batch = (await self.ask("GET", "/v1/messages", params=params)).json()
            except GaveUp as trouble:
                self.ended = str(trouble)
                return
            ack = batch["ack"] or ack
            for message in batch["messages"]:
                await self._take(message)

    async def send(self, pictures: list[bytes]) -> None:
        """Publish pictures, and no sound: the promise is about 160x120 at 10 frames a second."""
        peer = self._peer("sending")
        peer.addTrack(Film(pictures))
        await self._offer(peer, {"kind": "publish"})

    async def receive(self, publisher: str) -> None:
        """See what somebody sends."""
        peer = self._peer("receiving")
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        peer.addTransceiver("video", direction="recvonly")
        self.other = publisher
        await self._offer(peer, {"kind": "subscribe", "publisher": publisher})
        for track in tracks:
            self._group.create_task(watch(track, self.decoded))

    async def sees(self) -> bool:
        """Whether the other's pictures come."""
        return len(self.decoded) >= FIRST_PICTURES

    async def heard_all_of(self, other: "Caller") -> bool:
        """Whether everything has come that was acknowledged to the other."""
        return set(other.acknowledged) <= set(self.heard_numbers())

    async def talk(self, every: float) -> None:
        """Signal the other, numbered, and change the own metadata with each second one, until ``talking`` is cleared.

        One at a time: only so has the order of what was acknowledged a meaning.
        """
        self.talking.set()
        while self.talking.is_set():
            await asyncio.sleep(every * random.uniform(0.5, 1.5))
            self._sent += 1
            await self._signal(self._sent)
            if self._sent % 2 == 0:
                await self._change(self._sent)

    async def _signal(self, n: int) -> None:
        body = {"to": self.other, "type": SIGNAL, "data": {"n": n}}
        try:
            await self.ask("POST", f"/v1/sessions/{self.session}/signals", json=body)
        except GaveUp:
            self.doubtful.append(n)
        else:
            self.acknowledged.append(n)

    async def _change(self, n: int) -> None:
        try:
            path = f"/v1/sessions/{self.session}/participants/{self.id}"
            await self.ask("PATCH", path, json={"metadata": {"n": n}})
        except GaveUp:
            return  # it is among the requests that failed

    def _peer(self, what: str) -> RTCPeerConnection:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                self.hung_up.append(f"{what} {peer.connectionState}")

        peer.on("connectionstatechange", changed)
        return peer

    def heard_numbers(self) -> list[int]:
        """The other's signals in the order in which they came, each message id once."""
        return [m["data"]["data"]["n"] for m in self.messages if m["type"] == SIGNAL_TYPE and _counts(m)]

    def account(self, name: str) -> dict[str, Any]:
        """All that the checker wants to know, as it is written down."""
        return {
            "name": name,
            "seat": self.id,
            "other": self.other,
            "acknowledged": self.acknowledged,
            "doubtful": self.doubtful,
            "heard": self.heard_numbers(),
            "snapshot": self.joined["session"]["version"],
            "versions": [m["version"] for m in self.messages if m["version"] is not None],
            "told": [[m["type"], m["data"].get("participant_id", "")] for m in self.messages],
            "added": sum("added" in m for m in self.messages),
            "decoded": self.decoded,
            "ended": self.ended,
            "hung_up": self.hung_up,
            "requests": self.requests.shown(),
        }


SIGNAL_TYPE = "signal"


def _counts(message: dict[str, Any]) -> bool:
    return bool(message["data"]["type"] == SIGNAL)


@asynccontextmanager
async def caller(url: str, session: str, headers: dict[str, str], name: str) -> AsyncIterator[Caller]:
    """Join, read the mailbox for the block, and hang up at its end."""
    requests = Requests()
    async with asking(url, requests) as ask, asyncio.TaskGroup() as group:
        path = f"/v1/sessions/{session}/participants"
        joined = await ask("POST", path, headers=headers, json={"name": name})
        somebody = Caller(ask, joined.json(), requests)
        await somebody.live(group)
        try:
            yield somebody
        finally:
            await somebody.abandon()
