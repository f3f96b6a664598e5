"""Placements: which media server gets a pipeline, and what each is reckoned with until its memory is read."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field
from pymongo import ReturnDocument, WriteConcern
from pymongo.read_concern import ReadConcern

from callplane.contracts.model import Wire
from callplane.store.decoding import read, readable
from callplane.store.filters import after
from callplane.store.mongo.database import Database, Document

PLACED_KIB = 2048
"""What a placement is reckoned with until the next reading of the memory tells its real size."""

AVOIDED_SECONDS = 10
"""So long a server gets nothing after it has not made what it was asked for, unless there is no other."""

OPEN: Document = {"state": "up", "cordoned": {"$ne": True}}
_AVOIDED: Document = {"avoided": {"$gt": [{"$ifNull": ["$avoided_until", None]}, "$$NOW"]}}


class Candidate(Wire):
    """A media server as whoever places sees it; ``avoided``: it has just refused to make something."""

    name: str = Field(alias="_id")
    server_id: str | None = None
    memory: int = 0
    placed: int = 0
    avoided: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading of the memory that has begun: what was ``placed`` then will be seen in it, what comes later is not."""

    server: str
    placed: int
    number: int | None


@dataclass(eq=False, slots=True)
class _Wish:
    """Somebody waits for a server, one of ``among``."""

    former: str | None
    among: frozenset[str]
    granted: list[tuple[Candidate, str] | None] = field(default_factory=list)
    """Once it is known: the server and the reason, or that there is none."""


class Placements:
    """Reservations on the pool, by guarded updates; those of one process that come at once are made together."""

    def __init__(self, database: Database) -> None:
        self._collection = database["media_servers"]
        # No majority is waited for: a reservation that is lost with its primary only makes the next choice worse. Read
        # as written, for the majority's view is behind, and every guard that is taken from it would fail at first.
        self._lightly = self._collection.with_options(
            write_concern=WriteConcern(w=1), read_concern=ReadConcern("local")
        )
        self._wishes: list[_Wish] = []
        """Those that wait for whoever reserves now."""
        self._reserving = asyncio.Lock()
        """Held by the one that reserves for all who wait."""

    async def reserve(self, former: str | None, among: frozenset[str]) -> tuple[Candidate, str] | None:
        """Choose and reserve: the former server if up, else the emptiest; with the reason. None: none is up.

        Only ``among`` is chosen from: what the caller reaches itself. What has just refused is chosen last.

        One at a time per process, for all who wait: a hundred calls that begin together would otherwise repeat this
        against each other until the database answers nobody in time (measured).
        """
        wish = _Wish(former, among)
        self._wishes.append(wish)
        try:
            async with self._reserving:
                while not wish.granted:
                    await self._grant(list(self._wishes))
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)
        return wish.granted[0]

    async def _grant(self, wishes: list[_Wish]) -> None:
        """One reading of the pool for all of them, and one update for each server that is chosen."""
        everything = frozenset[str]().union(*(wish.among for wish in wishes))
        where: Document = {**OPEN, "_id": {"$in": sorted(everything)}}
        up = await self._lightly.aggregate([{"$match": where}, {"$set": _AVOIDED}])
        pool = readable(Candidate, up, self._collection)
        reckoned = {server.name: server.memory + server.placed for server in pool}
        chosen: dict[str, list[tuple[_Wish, str]]] = defaultdict(list)
        for wish in wishes:
            choice = _choose([server for server in pool if server.name in wish.among], wish.former, reckoned)
            if choice is None:
                wish.granted.append(None)
                continue
            best, why = choice
            chosen[best.name].append((wish, why))
            reckoned[best.name] += PLACED_KIB
        for server in pool:
            await self._reserve(server, chosen[server.name])
        self._wishes = [wish for wish in self._wishes if not wish.granted]

    async def _reserve(self, server: Candidate, wishes: Sequence[tuple[_Wish, str]]) -> None:
        """Count them on the server, if its count is still as read; else they are chosen for again."""
        if not wishes:
            return
        where: Document = {**OPEN, "_id": server.name, "placed": server.placed, "memory": server.memory}
        found = await self._lightly.find_one_and_update(
            where, {"$inc": {"placed": len(wishes) * PLACED_KIB}}, return_document=ReturnDocument.AFTER
        )
        if found is None:
            return
        reserved = read(Candidate, found, self._collection)
        for wish, why in wishes:
            wish.granted.append((reserved, why))

    async def unreserve(self, name: str) -> None:
        """The reserved pipeline lost its race or could not be made."""
        await self._collection.update_one(
            {"_id": name, "placed": {"$gte": PLACED_KIB}}, {"$inc": {"placed": -PLACED_KIB}}
        )

    async def avoid(self, name: str) -> None:
        """It has not made what it was asked for: others are asked first, for a while."""
        await self._collection.update_one({"_id": name}, [{"$set": {"avoided_until": after("$$NOW", AVOIDED_SECONDS)}}])

    async def begin_reading(self, name: str) -> Reading:
        """What is placed there now, before its memory is asked for."""
        found = await self._lightly.find_one({"_id": name}, {"placed": 1, "readings": 1}) or {}
        return Reading(name, found.get("placed", 0), found.get("readings"))

    async def set_memory(self, name: str, memory: int, since: Reading | None = None) -> None:
        """A reading of the memory takes the place of the placements from before it began, and of no others.

        Whoever began one before the last that was written, perhaps an other wrapper, has come too late.
        """
        seen = 0 if since is None else since.placed
        where: Document = {"_id": name} if since is None else {"_id": name, "readings": since.number}
        left = {"$max": [{"$subtract": ["$placed", seen]}, 0]}
        number = {"$add": [{"$ifNull": ["$readings", 0]}, 1]}
        await self._collection.update_one(where, [{"$set": {"memory": memory, "placed": left, "readings": number}}])


def _choose(up: list[Candidate], former: str | None, reckoned: dict[str, int]) -> tuple[Candidate, str] | None:
    good = [server for server in up if not server.avoided] or up
    for server in good:
        if server.name == former:
            return server, "the session's former server is up"
    if not good:
        return None
    best = min(good, key=lambda server: (reckoned[server.name], server.name))
    return best, f"lowest memory: {reckoned[best.name]} KiB of {len(up)} up"
