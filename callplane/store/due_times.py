"""Due times: when a session's grace is over, reckoned once for each document; a sweep reads what is due alone."""

from collections import defaultdict
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from callplane.contracts.ids import SessionId
from callplane.store.decoding import Unreadable, read
from callplane.store.filters import after, is_due, put_off
from callplane.store.mongo.database import Document
from callplane.store.mongo.driver import Collection

M = TypeVar("M", bound=BaseModel)

RESET: Document = {"$unset": {"due": "", "over": "", "of": ""}}
"""Part of each update that changes the state which waits."""


class DueTimes(Generic[M]):
    """Documents with ``session_id`` and ``since``: the grace is ``over`` then, and ``due`` to be looked at.

    Who changes the state that ``waiting`` is about takes both away with it. A program of an older version knows of
    neither, and leaves them: ``of`` is the ``since`` that they were reckoned of; what is of another is reckoned anew.
    """

    def __init__(self, collection: Collection, kind: type[M], waiting: Document) -> None:
        self._collection = collection
        self._kind = kind
        self._waiting = waiting
        """A filter: the state that waits."""

    async def over(self, limit: int) -> list[M]:
        """Those whose grace is over, the longest first; one that cannot be read is put off. Raises Unavailable."""
        where = {**self._waiting, "due": {"$type": "date"}, **is_due()}
        await self._reckon(limit)
        found = await self._collection.find(where).sort("due", 1).limit(limit).to_list()
        documents = []
        for one in found:
            if one.get("of") != one.get("since"):
                await self._collection.update_one({"_id": one["_id"], **self._waiting, "of": one.get("of")}, RESET)
                continue
            try:
                documents.append(read(self._kind, one, self._collection))
            except Unreadable:
                await self.put_off(one["_id"])
        return documents

    async def wait(self, id_: Any, seconds: float) -> None:
        """Nothing can be done about one before that. Raises Unavailable."""
        await self._collection.update_one({"_id": id_, **self._waiting}, [{"$set": {"due": after("$$NOW", seconds)}}])

    async def put_off(self, id_: Any) -> None:
        """Nothing can be done about one yet: again when it is over its grace for twice as long. Raises Unavailable."""
        where = {"_id": id_, **self._waiting, "due": {"$type": "date"}}
        await self._collection.update_one(where, [{"$set": {"due": put_off("$over")}}])

    async def reset(self, session_id: SessionId) -> None:
        """The grace of a session is another now: reckon again. Raises Unavailable."""
        await self._collection.update_many({"session_id": session_id, **self._waiting}, RESET)

    async def _reckon(self, limit: int) -> None:
        """One read for all that are new, one write for each grace; where no session is open, none is near."""
        lookup = {
            "from": "sessions",
            "localField": "session_id",
            "foreignField": "_id",
            "pipeline": [{"$match": {"status": "open"}}, {"$project": {"settings.grace": 1}}],
            "as": "session",
        }
        new = {**self._waiting, "due": None}
        grace = {"$first": "$session.settings.grace"}
        stages: list[Document] = [
            {"$match": new},
            {"$limit": limit},
            {"$lookup": lookup},
            {"$project": {"grace": grace}},
        ]
        found: dict[float | None, list[Any]] = defaultdict(list)
        for one in await self._collection.aggregate(stages):
            number = one.get("grace")
            found[number if isinstance(number, int | float) else None].append(one["_id"])
        for seconds, ids in found.items():
            due = after("$since", {"$literal": seconds})
            reckoned = {"due": due, "over": due, "of": "$since"}
            await self._collection.update_many({**new, "_id": {"$in": ids}}, [{"$set": reckoned}])
