"""One participant: sits down, reads its mailbox through changing pods, does things in turn, and leaves."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from testkit.clients.history import Command, Delivery, Reader
from tests.chaos.api import Api
from tests.chaos.odd import KEY, NO_CONNECTIONS, RUBBISH

POLL_SECONDS = 5.0
SLOW_SECONDS = 6.0
THINK = (0.1, 0.6)
CANDIDATE = "candidate:{n} 1 udp 2130706431 10.255.255.{n} 9 typ host"

# What a participant does, and how often compared with the rest.
DOINGS = {"signal": 8, "whisper": 4, "patch": 5, "publish": 2, "replace": 1, "subscribe": 3, "candidates": 3, "stop": 2}
DOINGS |= {"look": 4, "rejoin": 1, "stray": 1}
CONNECTIONS = 4
ACCEPTED = 202


@dataclass(frozen=True)
class Offers:
    """Offers without media, made once: making one takes 50 ms of a core."""

    send: str
    receive: str


@dataclass
class Person:
    """One seat; ``others`` sit in the same session, itself included; ``connections`` are its own, with their kind."""

    name: str
    api: Api
    session: str
    offers: Offers
    others: list["Person"]
    slow: bool = False
    id: str = ""
    reader: Reader | None = None
    connections: dict[str, str] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _owed: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _auth: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    async def join(self) -> bool:
        """Sit down; the key of the join is in the seat's metadata, where everybody sees it."""
        key = self.key("join")
        command = self.api.history.begin(self.name, "join", self.session, key=key)
        body = {"name": self.name, "metadata": {**self._rubbish(), "join": key, "n": 0}}
        await self.api.do(command, "POST", f"{self._path}/participants", json=body, headers=KEY | _once(key))
        if command.outcome != "ok":
            return False
        self.id = command.answer["participant"]["id"]
        self._auth = {"Authorization": f"Bearer {command.answer['token']}"}
        version = command.answer["session"]["version"]
        self.reader = Reader(self.id, self.session, key, version, command.answered)
        self.api.history.readers.append(self.reader)
        return True

    async def read(self) -> None:
        """Poll and acknowledge until the session has closed, the seat is gone, or this is cancelled."""
        assert self.reader is not None
        ack, failures = None, 0
        try:
            while self.reader.ended == "unfinished":
                wait = 0 if failures else POLL_SECONDS
                answer = await self._poll(ack, wait)
                if answer is None:
                    await asyncio.sleep(self.api.jittered(failures))
                    failures += 1
                    continue
                failures = 0
                ack = self._take(answer) or ack
                if self.slow and self.reader.ended == "unfinished":
                    await asyncio.sleep(self.api.random.uniform(0, SLOW_SECONDS))
        finally:
            self.reader.finished = self.api.clock()
            self.over.set()
            self._heard.set()

    async def act_once(self) -> None:
        """Think, then do one thing and carry it through."""
        await asyncio.sleep(self.api.random.uniform(*THINK))
        [doing] = self.api.random.choices(list(DOINGS), weights=list(DOINGS.values()))
        await getattr(self, f"_{doing}")()

    async def hear_outcomes(self, patience: float) -> None:
        """Read on until each 202 of an offer has its outcome: one that the close overtakes has none (design 3.5)."""
        try:
            async with asyncio.timeout(patience):
                while not (self._owed <= self._told or self.over.is_set()):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            return

    async def leave(self) -> None:
        """Give the seat up."""
        command = self._begin("leave", participant=self.id)
        await self.api.do(command, "DELETE", f"{self._path}/participants/{self.id}", headers=self._auth)

    async def be_kicked(self) -> None:
        """A moderator takes the seat away."""
        command = self._begin("leave", participant=self.id)
        await self.api.do(command, "DELETE", f"{self._path}/participants/{self.id}", headers=KEY)

    def key(self, what: str) -> str:
        """An idempotency key that nobody else uses."""
        self._count += 1
        return f"{what}-{self.name}-{self._count}".ljust(16, "-")

    async def _poll(self, ack: str | None, wait: float) -> dict[str, Any] | None:
        assert self.reader is not None
        params = {"wait": str(wait), "max": str(self.api.random.choice((3, 20, 100)))} | ({"ack": ack} if ack else {})
        try:
            answer = await self.api.send("GET", "/messages", wait + 8, params=params, headers=self._auth)
        except (httpx.HTTPError, TimeoutError):
            return None
        if answer.is_success and answer.content:
            said: dict[str, Any] = answer.json()
            return said
        code = answer.json().get("code", "") if answer.content else ""
        told = f"{self.id}: a poll got {answer.status_code} {code} at {self.api.clock():.1f}"
        if code == "poll-replaced" or answer.status_code in (200, 500):
            # It polls once at a time, and an answer without a body says nothing.
            self.api.history.strange.append(told)
        elif answer.status_code < 500 and answer.status_code != 429:
            self.reader.ended, self.reader.reason = code, answer.json().get("reason") or ""
        return None

    def _take(self, answer: dict[str, Any]) -> str | None:
        assert self.reader is not None
        for message in answer["messages"]:
            self.api.history.deliveries.append(Delivery(self.id, self.api.clock(), message))
            if message["type"] in ("answer", "error"):
                self._told.add(message["data"]["command_id"])
            if message["type"] == "session-closed":
                self.reader.ended = "closed"
        self._heard.set()
        ack: str | None = answer["ack"]
        return ack

    @property
    def _path(self) -> str:
        return f"/sessions/{self.session}"

    def _begin(self, op: str, **what: Any) -> Command:
        return self.api.history.begin(self.id, op, self.session, **what)

    async def _signal(self, to: str | None = None) -> None:
        self._count += 1
        command = self._begin("signal", n=self._count, to=to)
        body = {"type": "chaos", "data": {"n": self._count}} | ({"to": to} if to else {})
        headers = self._auth | _once(self.key("signal"))
        await self.api.do(command, "POST", f"{self._path}/signals", json=body, headers=headers)

    async def _whisper(self) -> None:
        await self._signal(self.api.random.choice(self.others).id)

    async def _patch(self) -> None:
        self._count += 1
        assert self.reader is not None
        rubbish = self._rubbish()
        command = self._begin("patch", n=self._count, participant=self.id, rubbish=rubbish)
        muted = {"audio": self.api.random.random() < 0.5, "video": self.api.random.random() < 0.5}
        body = {"metadata": {**rubbish, "join": self.reader.join, "n": self._count}, "muted": muted}
        await self.api.do(command, "PATCH", f"{self._path}/participants/{self.id}", json=body, headers=self._auth)

    async def _publish(self) -> None:
        await self._offer({"kind": "publish", "sdp_offer": self.offers.send})

    async def _subscribe(self) -> None:
        publisher = self.api.random.choice(self.others).id
        await self._offer({"kind": "subscribe", "publisher": publisher, "sdp_offer": self.offers.receive})

    async def _offer(self, body: dict[str, Any]) -> None:
        old = body.get("replaces")
        if len(self.connections) >= CONNECTIONS and old is None:
            return
        key = self.key("offer")
        command = self._begin("replace" if old else body["kind"], key=key, publisher=body.get("publisher"))
        headers = self._auth | _once(key)
        await self.api.do(command, "POST", f"{self._path}/connections", json=body, headers=headers)
        if command.outcome != "ok":
            return
        if command.status == ACCEPTED:
            self._owed.add(command.answer["command_id"])
        elif old is not None:
            del self.connections[old]
        self.connections[command.answer["id"]] = body["kind"]

    async def _replace(self) -> None:
        """A new endpoint for a stream that it sends; when that one is gone meanwhile it is told so."""
        published = [connection for connection, kind in self.connections.items() if kind == "publish"]
        if published:
            old = self.api.random.choice(published)
            await self._offer({"kind": "publish", "sdp_offer": self.offers.send, "replaces": old})

    async def _rejoin(self) -> None:
        """As a page does that was loaded again: the token it kept brings the same seat."""
        command = self._begin("rejoin")
        headers = self._auth | _once(self.key("rejoin"))
        await self.api.do(command, "POST", f"{self._path}/participants", json={}, headers=headers)

    async def _candidates(self) -> None:
        if not self.connections:
            return
        self._count += 1
        connection = self.api.random.choice(list(self.connections))
        text = CANDIDATE.format(n=self._count % 250 + 1)
        command = self._begin("candidates", connection=connection, candidate=text)
        body = {"candidates": [{"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}]}
        path = f"{self._path}/connections/{connection}/candidates"
        await self.api.do(command, "POST", path, json=body, headers=self._auth)

    async def _stray(self) -> None:
        """Candidates for a connection that it does not have: refused, or forgotten."""
        somebody = self.api.random.choice(self.others)
        connection = self.api.random.choice([*NO_CONNECTIONS, *(somebody.connections if somebody is not self else ())])
        command = self._begin("stray", connection=connection, may=True)
        body = {"candidates": [{"candidate": CANDIDATE.format(n=1), "sdpMid": "0", "sdpMLineIndex": 0}]}
        path = f"{self._path}/connections/{connection}/candidates"
        await self.api.do(command, "POST", path, json=body, headers=self._auth)

    def _rubbish(self) -> dict[str, Any]:
        return self.api.random.choice(RUBBISH)

    async def _stop(self) -> None:
        if not self.connections:
            return
        connection = next(iter(self.connections))
        del self.connections[connection]
        command = self._begin("stop", connection=connection)
        await self.api.do(command, "DELETE", f"{self._path}/connections/{connection}", headers=self._auth)

    async def _look(self) -> None:
        command = self._begin("look")
        await self.api.do(command, "GET", self._path, headers=KEY)


def _once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}
