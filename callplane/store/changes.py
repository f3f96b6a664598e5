"""The one way to write a visible change: guard, change, version, event and chores in one update (design 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pymongo import ReturnDocument

from callplane.contracts.ids import new_id
from callplane.contracts.messages import Event
from callplane.store.calm import Collection
from callplane.store.database import DatabaseClock, Document
from callplane.store.documents import Outboxed
from callplane.store.free_json import stored
from callplane.store.reading import read, readable
from callplane.store.trouble import away_when_unreachable

D = TypeVar("D", bound=Outboxed)
Operators = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Owed:
    """A chore before it is stored: what is to be done, and with what."""

    do: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change(Generic[D]):
    """A change that happened: the document after it, and the ids of the chores that it made."""

    document: D
    chores: tuple[str, ...] = ()

    @property
    def carries(self) -> bool:
        """Whether this change's event is alone in the outbox, so that its maker publishes it."""
        return len(self.document.outbox) == 1


class CountedUpdates(Generic[D]):
    """Guarded updates of one collection whose documents have ``version``, ``outbox`` and ``chores``."""

    def __init__(self, collection: Collection, kind: type[D], clock: DatabaseClock) -> None:
        self._collection = collection
        self._kind = kind
        self._clock = clock

    async def change(
        self,
        where: Mapping[str, Any],
        update: Operators,
        event: Event | None,
        chores: Iterable[Owed] = (),
        **options: Any,
    ) -> Change[D] | None:
        """Apply the update when the filter holds; with an event it counts. None: the guard failed, nothing changed."""
        made = [{"id": new_id(), "do": owed.do, "at": self._clock.now(), "with": owed.args} for owed in chores]
        pushes: dict[str, Any] = {"chores": {"$each": made}} if made else {}
        operators = {name: dict(fields) for name, fields in update.items()}
        if event is not None:
            entry = {"id": new_id(), "type": event.type, "at": self._clock.now(), "data": stored(event.data)}
            pushes["outbox"] = entry
            operators.setdefault("$inc", {})["version"] = 1
        if pushes:
            operators.setdefault("$push", {}).update(pushes)
        found = await self._apply(where, operators, **options)
        if found is None:
            return None
        return Change(read(self._kind, found, self._collection), tuple(str(chore["id"]) for chore in made))

    async def _apply(self, where: Mapping[str, Any], operators: Document, **options: Any) -> Document | None:
        with away_when_unreachable():
            return await self._collection.find_one_and_update(
                where, operators, return_document=ReturnDocument.AFTER, **options
            )

    async def pull_published(self, id_: str, entries: list[str]) -> D | None:
        """Take published events out, by their ids; returns the document with what is left."""
        found = await self._apply({"_id": id_}, {"$pull": {"outbox": {"id": {"$in": entries}}}})
        return None if found is None else read(self._kind, found, self._collection)

    async def pull_chore(self, id_: str, chore: str) -> None:
        """Take a chore out that has been done."""
        with away_when_unreachable():
            await self._collection.update_one({"_id": id_}, {"$pull": {"chores": {"id": chore}}})

    async def find(self, id_: str) -> D | None:
        """The document as of the last majority write."""
        with away_when_unreachable():
            found = await self._collection.find_one({"_id": id_})
        return None if found is None else read(self._kind, found, self._collection)

    async def overdue(self, age: float, limit: int = 200) -> list[D]:
        """Documents that owe an event or a chore for longer than ``age`` seconds and that this caller won to sweep.

        The conditional update of ``swept`` lets one wrapper in ``age`` seconds repeat what is owed (design 5).
        """
        old = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(age * 1000)}}
        before = self._clock.now() - timedelta(seconds=age)
        due = [{"outbox.at": {"$lt": before}}, {"chores.at": {"$lt": before}}]
        with away_when_unreachable():
            found = [d["_id"] async for d in self._collection.find({"$or": due}, {"_id": 1}).limit(limit)]
        free = [{"swept": {"$exists": False}}, {"swept": {"$type": "date"}, "$expr": {"$lt": ["$swept", old]}}]
        won = []
        for id_ in found:
            guard = {"_id": id_, "$and": [{"$or": due}, {"$or": free}]}
            document = await self._apply(guard, {"$currentDate": {"swept": True}})
            if document is not None:
                won.append(document)
        return readable(self._kind, won, self._collection)
