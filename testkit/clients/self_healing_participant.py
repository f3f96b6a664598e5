"""A person who sends, and receives everybody else, and does so again after each loss: what the SDK does for a page."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from testkit.clients.participant import Message, Participant, Received, Refused

AGAIN_SECONDS = 0.2
WITHIN = 30.0


@dataclass
class Seen:
    """A session as its messages tell it: the epoch, and who sends in it."""

    epoch: int
    version: int
    streams: dict[str, str] = field(default_factory=dict)

    def take(self, message: Message) -> None:
        """Go on by one message; what is older than the snapshot is no news."""
        if message["version"] is None or message["version"] <= self.version:
            return
        self.version = message["version"]
        data: dict[str, Any] = message["data"]
        match message["type"]:
            case "media-lost":
                self.epoch = data["epoch"]
                self.streams = {}
            case "stream-published":
                self.streams[data["connection_id"]] = data["participant_id"]
            case "stream-unpublished":
                self.streams.pop(data["connection_id"], None)
            case "participant-left":
                self.streams = {c: who for c, who in self.streams.items() if who != data["participant_id"]}
            case _:
                pass


@dataclass
class View:
    """What is received of one participant in one epoch."""

    epoch: int
    connection: str
    received: Received


class SelfHealingParticipant:
    """Keeps one person's media as the session says it should be."""

    def __init__(self, somebody: Participant) -> None:
        self.person = somebody
        self.sent: dict[int, str] = {}
        """Epoch → what was published in it."""
        self.views: dict[str, View] = {}
        self.refused: list[str] = []
        snapshot = somebody.joined["session"]
        self.seen = Seen(snapshot["epoch"], snapshot["version"])
        for seat in snapshot["participants"]:
            self.seen.streams |= {stream["connection_id"]: seat["id"] for stream in seat["streams"]}
        self._read = 0
        self._subscribed: set[str] = set()

    async def run(self) -> None:
        """Offer whatever is missing, until cancelled."""
        while True:
            self._catch_up()
            try:
                resting = not await self._step()
            except Refused as refusal:
                # No server up, or the epoch ended under the offer: both pass.
                self.refused.append(str(refusal))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                if resting:
                    await self.person.more(self._read)

    async def sees(self, epoch: int, *others: str, frames: int = 1, within: float = WITHIN) -> float:
        """Wait until so many pictures of everybody named came in this epoch; when the last one's first did."""
        deadline = time.monotonic() + within
        while not all(self._flows(other, epoch, frames) for other in others):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.person.id} sees {self.views} of {others}; refused: {self.refused}")
            await asyncio.sleep(0.02)
        return max(self.views[other].received.began or 0.0 for other in others)

    def _flows(self, other: str, epoch: int, frames: int) -> bool:
        view = self.views.get(other)
        return view is not None and view.epoch == epoch and view.received.video >= frames

    def _catch_up(self) -> None:
        for message in self.person.messages[self._read :]:
            self.seen.take(message)
        self._read = len(self.person.messages)

    async def _step(self) -> bool:
        """Do one thing that is missing; False when nothing is."""
        epoch = self.seen.epoch
        if epoch not in self.sent:
            await self.person.hang_up(before=epoch)
            sent = await self.person.publish()
            self.sent[self.person.epochs[sent]] = sent
            return True
        for stream, publisher in self.seen.streams.items():
            if publisher != self.person.id and stream not in self._subscribed:
                connection, received = await self.person.subscribe(publisher)
                self._subscribed.add(stream)
                self.views[publisher] = View(self.person.epochs[connection], connection, received)
                return True
        return await self._tidy()

    async def _tidy(self) -> bool:
        """Stop receiving whom this epoch does not hear from any more; a lost epoch is over by itself."""
        for publisher, view in list(self.views.items()):
            if view.epoch == self.seen.epoch and publisher not in self.seen.streams.values():
                del self.views[publisher]
                await self.person.stop(view.connection)
                return True
        return False
