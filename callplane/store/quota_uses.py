"""Quota uses: how much of a quota is taken, counted; and reservations of what is being made.

A document per quota and owner: ``used``, as it was counted last, and a reservation for each command that is on its way.
Together they are below the quota when a reservation is entered, by one guarded update. Nothing is written when a place
falls free: it is counted again when there is no room, and from time to time. Whoever dies on the way leaves a
reservation that ends with its command's deadline, past which nothing can be made any more.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from callplane.contracts.ids import CommandId, SessionId
from callplane.contracts.quotas import Counted
from callplane.store.mongo.database import Database, Document

ROUNDS = 20
EXACT_ROUNDS = 10
RESERVED = 500
"""Reservations at once of one quota; who finds more counts what has come of them."""

COUNTED_SECONDS = 30
"""A count is good for so long: what came about without a reservation is found by then."""

AGAIN_SECONDS = 0.5
"""Who finds no room counts again, if nobody has for so long; until then what falls free is not seen."""

SLACK = timedelta(seconds=0.5)
"""Behind a deadline: what was begun before it has been written by then."""


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """What a command would take: of whose quota (a tenant, an identity), and in or as which session."""

    quota: Counted
    owner: str
    command: CommandId
    session_id: SessionId

    @property
    def key(self) -> str:
        """Of the quota's document."""
        return f"{self.quota} {self.owner}"


class QuotaUses:
    """Counts sessions and seats for who is to have no more than so many; each call raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["quota_uses"]
        # Local: what a majority has not confirmed yet is counted as well, and is missed by no count.
        self._sessions = database["sessions"].with_options(read_concern=ReadConcern("local"))

    async def reserve(self, use: QuotaUse, most: int, deadline: datetime) -> bool:
        """Keep a place for the command until its deadline, once; False: there is no room."""
        for n in range(ROUNDS):
            if await self._enter(use, most, deadline):
                return True
            if not await self._count_again(use, most, exactly=n < EXACT_ROUNDS):
                return False
        return False  # it changes hands again and again, and there was no room whenever this one looked

    async def release(self, use: QuotaUse) -> None:
        """The command was refused, and takes nothing."""
        await self._collection.update_one(
            {"_id": use.key}, {"$pull": {"reserved": {"id": use.command}}, "$inc": {"version": 1}}
        )

    async def _enter(self, use: QuotaUse, most: int, deadline: datetime) -> bool:
        taken = {"$add": ["$used", {"$size": "$reserved"}]}
        room = {"$and": [{"$lt": [taken, most]}, {"$lt": [{"$size": "$reserved"}, RESERVED]}, _fresh(COUNTED_SECONDS)]}
        mine = {"$in": [{"$literal": use.command}, "$reserved.id"]}
        others = {"$filter": {"input": "$reserved", "cond": {"$ne": ["$$this.id", {"$literal": use.command}]}}}
        entry = {"$literal": {"id": use.command, "session": use.session_id, "until": deadline}}
        entered = await self._collection.update_one(
            {"_id": use.key, "$expr": {"$or": [mine, room]}},
            [{"$set": {"reserved": {"$concatArrays": [others, [entry]]}, "version": {"$add": ["$version", 1]}}}],
        )
        return entered.matched_count == 1

    async def _count_again(self, use: QuotaUse, most: int, *, exactly: bool) -> bool:
        """Count anew, or begin to; False: that was done a moment ago, and there was no room.

        ``exactly``: not where something came about meanwhile, which then might have counted twice.
        """
        found = await self._collection.find_one({"_id": use.key}, {**_SHOWN, "now": "$$NOW", "stale": _stale()})
        if found is None:
            await self._begin(use.key)
            return True
        if not found["stale"] and len(found["reserved"]) < RESERVED:
            return int(found["used"]) + len(found["reserved"]) < most  # somebody else may have counted just now
        # Asked before what there is: what comes about in between counts twice, and never not at all.
        done = await self._done(use.quota, found["reserved"])
        left = [one for one in found["reserved"] if one["id"] not in done and one["until"] + SLACK > found["now"]]
        used = await self.used(use.quota, use.owner)
        if exactly and await self._done(use.quota, left):
            return True
        await self._collection.update_one(
            {"_id": use.key, "version": found["version"]},
            [
                {
                    "$set": {
                        "used": used,
                        "reserved": {"$literal": left},
                        "counted_at": "$$NOW",
                        "version": {"$add": ["$version", 1]},
                    }
                }
            ],
        )
        return True

    async def _begin(self, key: str) -> None:
        with suppress(DuplicateKeyError):  # somebody else has
            await self._collection.insert_one({"_id": key, "used": 0, "reserved": [], "version": 0, "counted_at": None})

    async def _done(self, quota: Counted, reserved: list[Document]) -> set[str]:
        """Which have had their effect, or can have none any more, as their session is closed."""
        sessions = [one["session"] for one in reserved]
        if not sessions:
            return set()
        shown = {"status": 1} if quota in ("sessions", "identity_sessions") else {"status": 1, "applied": 1}
        there = {one["_id"]: one async for one in self._sessions.find({"_id": {"$in": sessions}}, shown)}
        return {one["id"] for one in reserved if _is_done(one["id"], there.get(one["session"]))}

    async def used(self, quota: Counted, owner: str) -> int:
        """How many there are now."""
        field = {"identity_sessions": "created_by", "identity_seats": "participants.identity"}.get(quota, "tenant")
        # Twice said that it is a text: the indexes of open ones serve the question only then.
        where = {"status": "open", field: {"$eq": owner, "$type": "string"}}
        seats: Document = {"$size": "$participants"}
        if quota == "identity_seats":
            mine = {"$eq": ["$$this.identity", {"$literal": owner}]}
            seats = {"$size": {"$filter": {"input": "$participants", "cond": mine}}}
        each: Document = {"$sum": 1 if quota in ("sessions", "identity_sessions") else seats}
        counted = await self._sessions.aggregate([{"$match": where}, {"$group": {"_id": None, "n": each}}])
        return counted[0]["n"] if counted else 0


_SHOWN = {"used": 1, "reserved": 1, "version": 1}


def _is_done(command: str, session: Document | None) -> bool:
    if session is None:
        return False
    return "applied" not in session or session["status"] != "open" or command in session["applied"]


def _fresh(seconds: float) -> Document:
    """An expression: it was counted within so many seconds."""
    since = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(seconds * 1000)}}
    return {"$and": [{"$eq": [{"$type": "$counted_at"}, "date"]}, {"$gt": ["$counted_at", since]}]}


def _stale() -> Document:
    return {"$not": [_fresh(AGAIN_SECONDS)]}
