"""A client of one log seat in a life that is chosen step by step: whatever it is answered is judged at once."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.mailboxes.unacked import Batch
from api.readers.ports import Question
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.store.log.place import Place
from callplane.store.log.records import id_range, position_of, record_id
from testkit.crashes.log_pod_lives import LogPodSlot, LogPodSlots

ANSWER_WITHIN = 15.0
PARKED_FOR = 4.0


@dataclass
class RoomLog:
    """What stands in a session's log, by position, and how much of it is kept."""

    row: LogPodSlots = field(repr=False)
    session_id: SessionId
    entries: list[tuple[str, ParticipantId | None]] = field(default_factory=list)
    """The id of each, and whom alone it is for."""
    first: int = 1
    """The first position that is kept."""

    async def put(self, ids: Sequence[str], to: ParticipantId | None = None, lost: float = 0.0) -> None:
        """Append signals, each a record of its own, of whose hints a share is lost on the way to each pod."""
        for slot in self.row.slots:
            slot.hints.lost = lost
        for one in ids:
            self.entries.append((one, to))
            if to is None:
                await self.row.messenger.to_session(self.session_id, [self.message(one)])
            else:
                await self.row.messenger.to_participant(to, self.message(one))
        await asyncio.sleep(0)  # hints are handed on in the next turn
        for slot in self.row.slots:
            slot.hints.lost = 0.0

    def message(self, id_: str, type_: str = "signal") -> Message:
        """A message that is known by its id."""
        return Message(id=id_, type=type_, session_id=self.session_id, at=datetime.now(UTC), data={})

    async def cut(self, share: float) -> None:
        """Its oldest records go, as they do with a bound: all but the last one at most."""
        log = self.row.database["log"]
        found = await log.find({"_id": id_range(self.session_id)}, {"_id": 1}).sort("_id", 1).to_list()
        if found:
            self.first = position_of(found[int(share * len(found))]["_id"])
            before = {"$gte": record_id(self.session_id, 0), "$lt": record_id(self.session_id, self.first)}
            await log.delete_many({"_id": before, "s": self.session_id})

    def visible(self, place: int, until: int, to: ParticipantId) -> list[int]:
        """The positions behind a place and up to another that this seat is given."""
        return [at for at in range(place + 1, until + 1) if self.entries[at - 1][1] in (None, to)]


@dataclass
class LogMailboxClient:
    """Reads as browsers do, apart from what goes wrong on purpose."""

    room: RoomLog = field(repr=False)
    participant: ParticipantId
    began: Place
    own: list[str] = field(default_factory=list)
    """What stands in its seat's log."""
    acks: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    acknowledged: Place = field(init=False)
    """The farthest that it has ever said."""
    begun_again: Place = field(default=Place())
    """The farthest that it may have begun at without a token, whatever it had said that it had."""
    parked: asyncio.Task[Batch | str] | None = None
    parked_at: tuple[LogPodSlot, int] | None = None

    def __post_init__(self) -> None:
        self.acknowledged = self.began

    @property
    def ack(self) -> str | None:
        """The token of what it was given last."""
        return self.acks[-1] if self.acks else None

    async def put_own(self, ids: Sequence[str]) -> None:
        """Append to its seat's log."""
        for one in ids:
            self.own.append(one)
            await self.room.row.messenger.to_participant(self.participant, self.room.message(one, "answer"))

    async def ask(self, slot: LogPodSlot, ack: str | None, wait: float = 0.0, most: int = 100) -> Batch | str:
        """What it is answered, or the code of its refusal; "gone" when its pod is."""
        said = Place.parse(ack)
        if said is not None:
            farthest = self.acknowledged
            self.acknowledged = Place(max(farthest.session, said.session), max(farthest.seat, said.seat))
        else:
            self.begun_again = self.acknowledged
        question = Question(self.room.session_id, self.participant, ack, wait, most)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                batch = await slot.poll(question)
        except Refusal as refusal:
            assert refusal.problem.code in ("unavailable", "poll-replaced"), refusal.problem
            return refusal.problem.code
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return "gone"
        assert len(batch.received) <= most, "more than was asked for"
        self._judge(batch, said)
        return batch

    def _judge(self, batch: Batch, said: Place | None) -> None:
        """Everything that follows its place, in order; a gap where something is gone, and is said to be."""
        place = said
        for one in batch.received:
            token, message = Place.parse(one.token), json.loads(one.body)
            assert token is not None
            if place is None:  # it begins where it has acknowledged, or before
                place = self._inferred(token, message)
            if message["type"] == "resync-required":
                assert place.session < token.session < self.room.first, f"nothing was gone from {place} to {token}"
            else:
                own = message["type"] == "answer"
                given = self.room.visible(place.session, token.session, self.participant)
                assert token.seat == place.seat + own, f"{token} follows {place}"
                wanted = [self.own[token.seat - 1]] if own else []
                wanted += [self.room.entries[at - 1][0] for at in given]
                assert wanted == [message["id"]], f"{place} to {token}: {wanted}"
            self.read.add(message["id"])
            place = token

    def _inferred(self, token: Place, message: dict[str, str]) -> Place:
        if message["type"] == "answer":
            assert token.seat <= self.acknowledged.seat + 1, "something of its own was passed over"
            return Place(token.session, token.seat - 1)
        if message["type"] == "resync-required":
            return Place(min(self.acknowledged.session, token.session - 1), token.seat)
        mine = self.room.visible(0, token.session, self.participant)
        before = mine[-1] - 1
        passed = self.room.visible(self.acknowledged.session, before, self.participant)
        assert passed == [], f"begins at {before + 1}, but {passed} were never acknowledged"
        return Place(before, token.seat)

    def take(self, answer: Batch | str) -> None:
        """It has come to it."""
        if isinstance(answer, Batch) and answer.ack is not None:
            self.acks.append(answer.ack)

    async def park(self, slot: LogPodSlot, most: int) -> None:
        """Begin a poll that waits, in the place of one that may wait elsewhere."""
        await self.unpark()
        self.parked_at = slot, slot.hits
        self.parked = self.room.row.tasks.create_task(self._outcome(slot, most))
        await asyncio.sleep(0.02)

    async def _outcome(self, slot: LogPodSlot, most: int) -> Batch | str:
        try:
            return await self.ask(slot, self.ack, PARKED_FOR, most)
        except AssertionError as broken:
            return f"broken: {broken}"

    async def unpark(self) -> Batch | str | None:
        """What became of the poll that waited; its client leaves where it still does."""
        parked, self.parked = self.parked, None
        if parked is None:
            return None
        if not parked.done():
            parked.cancel()
            await asyncio.wait((parked,))
            return None
        self._came(parked.result())
        return parked.result()

    def _came(self, answer: Batch | str) -> None:
        assert not (isinstance(answer, str) and answer.startswith("broken")), answer
        self.take(answer)

    async def meet(self, ids: Sequence[str], lost: float) -> None:
        """Messages come: the poll that waits is answered with them, whether its pod hears of them or not."""
        parked, self.parked = self.parked, None
        waits = parked is not None and not parked.done()
        await self.room.put(ids, self.participant, lost)
        if parked is None or self.parked_at is None:
            return
        answer = await parked
        self._came(answer)
        slot, hits = self.parked_at
        if waits and slot.hits == hits:
            assert answer != Batch(), "a message came, but not to the poll that waited for it"

    async def read_all(self, slots: Sequence[LogPodSlot]) -> None:
        """Read to the end, through these in turn; then everything that is kept has been read."""
        await self.unpark()
        async with asyncio.timeout(ANSWER_WITHIN):
            for slot in itertools.cycle(slots):
                if not self._unread():
                    return
                self.take(await self.ask(slot, self.ack, wait=0.1))

    def _unread(self) -> set[str]:
        """What is kept for it, and has not come to it."""
        before, last = max(self.began.session, self.begun_again.session, self.room.first - 1), len(self.room.entries)
        kept = self.room.visible(before, last, self.participant)
        own = self.own[self.begun_again.seat :]
        return {self.room.entries[at - 1][0] for at in kept}.union(own) - self.read

    async def until_attached(self) -> None:
        """Wait until its seat is, while its poll waits where nothing was done to its pod."""
        attachments, parked = self.room.row.database["attachments"], self.parked
        if parked is None or parked.done() or self.parked_at is None:
            return
        slot, hits = self.parked_at
        while slot.hits == hits:
            found = await attachments.find_one({"_id": self.participant})
            if found is not None and found["state"] == "attached":
                return
            assert not parked.done() or parked.result() != Batch(), "it was not attached while it waited"
            if parked.done():
                return
            await asyncio.sleep(0.02)
