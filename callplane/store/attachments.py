"""Attachments: who holds which mailbox; one document per seat, made at join, changed by guarded updates (design 5)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from callplane.contracts.engines import Engine
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.contracts.reasons import GivenReason, SeatReason
from callplane.store.batched_updates import BatchedUpdates
from callplane.store.decoding import page, read
from callplane.store.due_times import RESET, DueTimes
from callplane.store.filters import after, is_due, older_than, put_off
from callplane.store.log.place import Place
from callplane.store.mongo.database import Database, Document

KEPT_MILLISECONDS = 3_600_000
_HOUR_ON: Document = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": KEPT_MILLISECONDS}}
_RESET: Document = {"$unset": {**RESET["$unset"], "look": ""}}
"""When its grace is over, and when its media is looked at: of the state that it had until now."""
LOG_HOLDER = "log"
"""The ``holder`` of a seat whose messages are in logs: the pods that read for it stand elsewhere."""

ORPHANED_AFTER = 3.0
CLOSELY_SECONDS = 15
LIMIT = 200


class Tag(Wire):
    """One attaching of a log seat: the ``n``-th by that incarnation of a pod, ``p``."""

    p: str
    n: int


class Attachment(Wire):
    """A seat's mailbox as last written: ``holder`` names the connection that reads it, ``n`` counts its holders."""

    participant_id: ParticipantId = Field(alias="_id")
    session_id: SessionId
    engine: Engine = "queues"
    holder: str | None = None
    n: int = 0
    state: Literal["attached", "detached", "ended"] = "detached"
    since: datetime
    reason: str | None = None
    pods: tuple[Tag, ...] = ()
    """Who reads for a log seat; without any it is not attached."""
    pulled: bool = False
    """Whether it ended because its seat was pulled, so that nobody need look for that."""
    place: str | None = None
    """The token of a log seat's client: how far it had come when that was written last."""

    def guard(self) -> Document:
        """A filter: nobody has attached, detached or ended it since this was read."""
        return {"_id": self.participant_id, "holder": self.holder, "n": self.n, "since": self.since}


class Attachments:
    """One method per thing that can happen to an attachment. Each stamps ``since`` with database time; raises
    Unavailable.
    """

    def __init__(self, database: Database) -> None:
        self._collection = database["attachments"]
        self.graces = DueTimes(self._collection, Attachment, {"state": "detached", "expires_at": None})
        """Of those that nobody reads."""
        self._endings = BatchedUpdates(self._collection)

    async def open(
        self, session_id: SessionId, participant_id: ParticipantId, place: Place | None = None
    ) -> Attachment | None:
        """Insert it, detached; an existing one, ended or not, stays as it is. It as it is now; None: deleted meanwhile.

        ``place``: where a reader of the logs begins; without one the seat has a queue.
        """
        where = {"_id": participant_id, "session_id": {"$exists": False}}
        birth: Document = {"session_id": session_id, "holder": None, "n": 0, "state": "detached", "reason": None}
        if place is not None:
            birth |= {"engine": "log", "holder": LOG_HOLDER, "pods": [], "place": place.token()}
        try:
            made = await self._collection.find_one_and_update_repeatable(
                where, {"$setOnInsert": birth, "$currentDate": {"since": True}}, upsert=True
            )
        except DuplicateKeyError:
            return await self.read(participant_id)
        return None if made is None else read(Attachment, made, self._collection)

    async def read(self, participant_id: ParticipantId) -> Attachment | None:
        """It as of the last majority write; None when the seat never was, or went more than an hour ago."""
        found = await self._collection.find_one({"_id": participant_id})
        return None if found is None else read(Attachment, found, self._collection)

    async def take(self, seen: Attachment, holder: str) -> Attachment | None:
        """Make ``holder`` its holder; None when it has changed since it was seen, or is ended."""
        return await self._change(
            {**seen.guard(), "state": {"$ne": "ended"}},
            {"$set": {"holder": holder, "state": "attached"}, **_RESET},
            counting=True,
        )

    async def reattach(self, seen: Attachment) -> Attachment | None:
        """Its holder is asked again for a mailbox that it, or a sweep, has called detached. None: changed, or ended."""
        attached = {"$set": {"state": "attached"}, **_RESET}
        return await self._change({**seen.guard(), "state": {"$ne": "ended"}}, attached)

    async def detach(self, seen: Attachment) -> Attachment | None:
        """Nobody asks its holder for it any more: grace begins. None: it has changed."""
        return await self._change({**seen.guard(), "state": "attached"}, {"$set": {"state": "detached"}, **_RESET})

    async def end(self, participant_id: ParticipantId, reason: SeatReason | GivenReason) -> bool:
        """The seat is gone, for this reason; a later poll hears it. False: it had ended already, or never was."""
        where = {"_id": participant_id, "state": {"$ne": "ended"}}
        return await self._change(where, _ending(reason)) is not None

    async def end_with_seat(self, participant_id: ParticipantId, reason: str) -> None:
        """Its seat was pulled for this reason, which is kept for an hour.

        One with a queue stays listed as ended until that is deleted once more: a join that is late may make it yet.
        Those of several seats go together.
        """
        kept = {"$cond": [{"$eq": ["$engine", "log"]}, _HOUR_ON, "$$REMOVE"]}
        ended = {"state": "ended", "reason": {"$literal": reason}, "pulled": True, "since": "$$NOW", "expires_at": kept}
        where = {"_id": participant_id, "state": {"$ne": "ended"}}
        await self._endings(where, [{"$set": ended}, {"$unset": list(_RESET["$unset"])}])

    async def end_if_unchanged(self, seen: Attachment, reason: SeatReason | GivenReason) -> bool:
        """End it unless somebody has attached or detached it since it was seen."""
        return await self._change({**seen.guard(), "state": {"$ne": "ended"}}, _ending(reason)) is not None

    async def end_if_away(self, seen: Attachment, grace: float, reason: SeatReason | GivenReason) -> bool:
        """End it unless it has changed or has not been detached for ``grace`` seconds of database time."""
        aged = older_than("since", grace)
        where = {**seen.guard(), "state": "detached", "$expr": aged["$expr"]}
        return await self._change(where, _ending(reason)) is not None

    async def expire(self, participants: Iterable[ParticipantId]) -> None:
        """Their seats have been pulled: keep the reasons for one hour more."""
        where = {"_id": {"$in": list(participants)}, "expires_at": {"$exists": False}}
        await self._collection.update_many(where, [{"$set": {"expires_at": _HOUR_ON}}])

    async def away(self, limit: int = 1000) -> list[Attachment]:
        """The detached ones whose media is to be looked at; who is away for long, each half minute only."""
        where = {"state": "detached", **is_due("look")}
        return await page(Attachment, where, self._collection, order="look", limit=limit)

    async def looked_at(self, participants: Iterable[ParticipantId]) -> None:
        """Their media was looked at: each second at first, for that is how a death is told, then ever more rarely."""
        where = {"_id": {"$in": list(participants)}, "state": "detached"}
        await self._collection.update_many(where, [{"$set": {"look": put_off(after("$since", CLOSELY_SECONDS))}}])

    async def attached_among(self, participants: Iterable[ParticipantId]) -> set[ParticipantId]:
        """Those of them whose mailbox somebody reads."""
        where = {"_id": {"$in": sorted(participants)}, "state": "attached"}
        return {ParticipantId(found["_id"]) async for found in self._collection.find(where, {"_id": 1})}

    async def past_grace(self, limit: int = LIMIT) -> list[Attachment]:
        """The detached ones of open sessions whose grace is over, longest first; see ``graces`` for what stays."""
        return await self.graces.over(limit)

    async def detach_orphans(self, alive: Iterable[str]) -> int:
        """Detach those whose holder is not among the living, as those were read just before; how many that were.

        Not the youngest: one that was attached since then may have a holder that was not alive yet.
        """
        where = {"state": "attached", "holder": {"$nin": [*alive, LOG_HOLDER]}, **older_than("since", ORPHANED_AFTER)}
        done = await self._collection.update_many(
            where, {"$set": {"state": "detached"}, **_RESET, "$currentDate": {"since": True}}
        )
        return done.modified_count

    async def ended(self, limit: int = LIMIT) -> list[Attachment]:
        """The ended ones whose seat has not been seen to be pulled, unless that was put off."""
        where = {"state": "ended", "expires_at": None, **is_due()}
        return await page(Attachment, where, self._collection, order="due", limit=limit)

    async def put_off_pull(self, participant_id: ParticipantId) -> None:
        """Its seat could not be pulled: again when it has been ended for as long once more, after 30 s at most."""
        where = {"_id": participant_id, "state": "ended", "expires_at": None}
        await self._collection.update_one(where, [{"$set": {"due": put_off("$since")}}])

    async def of_session(self, session_id: SessionId) -> list[Attachment]:
        """Every attachment of a session."""
        return await page(Attachment, {"session_id": session_id}, self._collection, order="since")

    async def delete_of(self, session_id: SessionId) -> None:
        """Delete those of a session whose tombstone goes."""
        await self._collection.delete_many({"session_id": session_id})

    async def _change(self, where: Document, update: Document, *, counting: bool = False) -> Attachment | None:
        step: Document = {"$inc": {"n": 1}} if counting else {}
        found = await self._collection.find_one_and_update(
            where, {**update, **step, "$currentDate": {"since": True}}, return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(Attachment, found, self._collection)


def _ending(reason: SeatReason | GivenReason) -> Document:
    return {"$set": {"state": "ended", "reason": reason}, **_RESET}
