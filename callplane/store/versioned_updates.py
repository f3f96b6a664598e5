"""Versioned updates: a visible change as one write of guard, version, event, chores; and how those leave (design 5)."""

from collections.abc import Collection as Some
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pymongo import ReturnDocument

from callplane.contracts.events import who_asked
from callplane.contracts.ids import new_id
from callplane.contracts.messages import Event
from callplane.store.batched_pulls import BatchedPulls, Pull
from callplane.store.decoding import read
from callplane.store.documents import Outboxed
from callplane.store.filters import after, put_off
from callplane.store.free_json import stored
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.mongo.driver import Collection
from callplane.store.shown_streams import ShownStreams

CLAIMED_AGES = 3
"""For so many times the age of what is overdue its claim stands."""

NEXT_VERSION: Document = {"$add": ["$version", 1]}
"""An expression: the version that a change makes."""

D = TypeVar("D", bound=Outboxed)
Operators = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class NewChore:
    """A chore before it is stored: what is to be done, with what, and how many seconds later, by a sweep."""

    do: str
    args: dict[str, Any] = field(default_factory=dict)
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Change(Generic[D]):
    """A change that happened: the document after it, and the ids of the chores that it made and are due now."""

    document: D
    chores: tuple[str, ...] = ()

    @property
    def publishes(self) -> bool:
        """Whether this change's event is alone in the outbox, so that its maker publishes it."""
        return len(self.document.outbox) == 1


@dataclass(frozen=True, slots=True)
class Pulled:
    """Chores that have been done, to be taken out by id, as long as their session shows what they were done by."""

    chores: tuple[str, ...]
    shown: tuple[ShownStreams, ...] = ()

    def operand(self) -> Document:
        """What ``$pull`` does with them."""
        return {"chores": {"id": {"$in": list(self.chores)}}}

    def guard(self) -> Document:
        """The filter under which they may go."""
        return {"$and": [one.still() for one in self.shown]} if self.shown else {}


class VersionedUpdates(Generic[D]):
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
        chores: Iterable[NewChore] = (),
        *,
        slack: float = 0.0,
        **options: Any,
    ) -> Change[D] | None:
        """Apply the update when the filter holds; with an event it counts. None: the guard failed, nothing changed.

        ``slack``: so many seconds later than usual others repeat what is owed, for its maker has much to do at once.
        """
        now, wanted = self._clock.now(), list(chores)
        due = now + timedelta(seconds=slack)
        since = {"first": now} if slack else {}
        made = [
            {"id": new_id(), "do": owed.do, "at": due + timedelta(seconds=owed.after), "with": owed.args, **since}
            for owed in wanted
        ]
        pushes: dict[str, Any] = {"chores": {"$each": made}} if made else {}
        operators = {name: dict(fields) for name, fields in update.items()}
        if event is not None:
            pushes["outbox"] = {**_entry(event, due), **since}
            operators.setdefault("$inc", {})["version"] = 1
        if pushes:
            operators.setdefault("$push", {}).update(pushes)
        found = await self._apply(where, operators, pushes, options)
        if found is None:
            return None
        at_once = tuple(str(chore["id"]) for chore, owed in zip(made, wanted, strict=True) if not owed.after)
        return Change(read(self._kind, found, self._collection), at_once)

    async def change_by(
        self, where: Mapping[str, Any], fields: Document, event: Event, **options: Any
    ) -> Change[D] | None:
        """The same without chores, where ``fields`` are expressions: by them a change writes down its own version."""
        entry = {"$literal": _entry(event, self._clock.now())}
        counted = {"version": NEXT_VERSION, "outbox": {"$concatArrays": ["$outbox", [entry]]}}
        found = await self._collection.find_one_and_update(
            where, [{"$set": {**fields, **counted}}], return_document=ReturnDocument.AFTER, **options
        )
        return None if found is None else Change(read(self._kind, found, self._collection))

    async def _apply(
        self, where: Mapping[str, Any], operators: Document, owed: Document, options: Mapping[str, Any]
    ) -> Document | None:
        """Once: what is owed has ids of its own, by which one is known whose answer was lost."""
        mark = _mark(owed)
        if mark is None:
            return await self._collection.find_one_and_update(
                where, operators, return_document=ReturnDocument.AFTER, **options
            )
        field, id_ = mark
        return await self._collection.find_one_and_update_repeatable(
            {**where, field: {"$ne": id_}}, operators, done={"_id": where["_id"], field: id_}, **options
        )

    async def find(self, id_: str) -> D | None:
        """The document as of the last majority write."""
        found = await self._collection.find_one({"_id": id_})
        return None if found is None else read(self._kind, found, self._collection)


class OutboxRepository(Generic[D]):
    """What repositories of sessions and of connections have in common: documents with ``outbox`` and ``chores``."""

    def __init__(
        self, database: Database, name: str, kind: type[D], clock: DatabaseClock, concerned: Document | None = None
    ) -> None:
        self._collection = database[name]
        self._kind = kind
        self._concerned = concerned
        """A projection: what is read of a document whose events are published; None: all of it."""
        self._clock = clock
        self._pulls = BatchedPulls(self._collection, concerned)
        self._updates = VersionedUpdates(self._collection, kind, clock)
        """How all that participants see is written."""

    async def with_events(self, id_: str) -> D | None:
        """The document with what its events concern; those of several are read together."""
        found = await self._pulls.found(id_)
        return None if found is None else read(self._kind, found, self._collection)

    async def pull_published(
        self, id_: str, entries: list[str], most: Document | None = None, done: Pulled | None = None
    ) -> D | None:
        """Take published events out, by their ids; returns the document with what is left. ``most``: what is to be at
        least so much, for those events show it. ``done``: chores that go with them, all or nothing.
        """
        pulled: Document = {"outbox": {"id": {"$in": entries}}, **({} if done is None else done.operand())}
        found = await self._collection.find_one_and_update(
            {"_id": id_, **({} if done is None else done.guard())},
            {"$pull": pulled, **({"$max": most} if most else {})},
            projection=self._concerned,
            return_document=ReturnDocument.AFTER,
        )
        return None if found is None else read(self._kind, found, self._collection)

    async def pull_all_published(
        self, id_: str, entries: list[str], most: Document | None = None, done: Pulled | None = None
    ) -> tuple[bool, D | None]:
        """The same where they are all that stands in the outbox: then nothing is left to be looked at.

        False: nothing has changed, for there are more, or some are out, or the chores may not go; and the document as
        it was found then, where it was. True as well where another has taken all of them out meanwhile, who looks at
        what is left. Those of several documents go together.
        """
        if not entries:
            return False, None
        where: Document = {"_id": id_, "outbox.0.id": entries[0], f"outbox.{len(entries)}": {"$exists": False}}
        pulled: Document = {"outbox": {"id": {"$in": entries}}, **({} if done is None else done.operand())}
        where |= {} if done is None else done.guard()
        update = {"$pull": pulled, **({"$max": most} if most else {})}
        out, found = await self._pulls(Pull(where, update, frozenset(entries + list(done.chores if done else ()))))
        return out, None if out or found is None else read(self._kind, found, self._collection)

    async def pull_chores(self, id_: str, done: Pulled) -> bool:
        """Take chores out that have been done. False: what they were done by has changed.

        Those of several documents go together, and with their events.
        """
        where = {"_id": id_, **done.guard()}
        out, _ = await self._pulls(Pull(where, {"$pull": done.operand()}, frozenset(done.chores)))
        return out or not done.shown

    async def overdue(self, age: float, limit: int = 200) -> list[str]:
        """Documents that owe an event or a chore for longer than ``age`` seconds: so many of each, the oldest first.

        Two queries, in the order of their indexes: of one for both, those with events could keep all others away.
        """
        found: dict[str, None] = {}
        for due in self._due(age):
            found |= {d["_id"]: None async for d in self._collection.find(due, {"_id": 1}).limit(limit)}
        return [id_ for id_ in found if isinstance(id_, str)]

    async def claim_overdue(self, id_: str, age: float) -> D | None:
        """Become the one for a while that repeats what is owed (design 5). None: another is, or nothing is.

        For longer than a repeat should take, and for no longer than others may wait when its maker dies in it.
        """
        found = (await self.claim_overdue_among([id_], age))[id_]
        return None if found is None else self.read(found)

    async def claim_overdue_among(self, ids: Sequence[str], age: float) -> dict[str, Document | None]:
        """The same of several, as they are then, by one update and one read: each claim has a name of its own."""
        claim = int(CLAIMED_AGES * age * 1000)
        old = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": claim}}
        free = [{"swept": {"$exists": False}}, {"swept": {"$type": "date"}, "$expr": {"$lt": ["$swept", old]}}]
        these, name = {"_id": {"$in": list(ids)}}, new_id()
        guard = {**these, "$and": [{"$or": self._due(age)}, {"$or": free}]}
        won = await self._collection.update_many(guard, {"$set": {"swept_by": name}, "$currentDate": {"swept": True}})
        found = await self._collection.find({**these, "swept_by": name}).to_list() if won.matched_count else []
        return {**dict.fromkeys(ids), **{one["_id"]: one for one in found}}

    def read(self, found: Document) -> D:
        """One that was claimed. Raises Unreadable."""
        return read(self._kind, found, self._collection)

    async def put_off_entries(
        self, id_: str, entries: Some[str] | None = None, *, seconds: float | None = None
    ) -> None:
        """These events and chores (all) could not be done: again when they are owed twice as long, or so late.

        ``at`` is when an entry is due, so that those that cannot be done stand behind all others; ``first`` keeps since
        when it is owed.
        """
        update = {owed: _later(f"${owed}", entries, seconds) for owed in ("outbox", "chores")}
        where = {"_id": id_, "outbox": {"$type": "array"}, "chores": {"$type": "array"}}
        await self._collection.update_one(where, [{"$set": update}])

    async def make_due(self, chores: Some[str]) -> None:
        """What these chores wait for has happened: what was put off of them is due now."""
        now = self._clock.now()
        late = {"late.at": {"$gt": now}, "late.do": {"$in": list(chores)}}
        await self._collection.update_many(
            {"chores.at": {"$gt": now}}, {"$set": {"chores.$[late].at": now}}, array_filters=[late]
        )

    def _due(self, age: float) -> list[Document]:
        before = self._clock.now() - timedelta(seconds=age)
        return [{"outbox.at": {"$lt": before}}, {"chores.at": {"$lt": before}}]


def _mark(owed: Document) -> tuple[str, str] | None:
    """A field and an id that stands in it once an update with these entries has been done; None: it has none."""
    if "outbox" in owed:
        return "outbox.id", owed["outbox"]["id"]
    return ("chores.id", owed["chores"]["$each"][0]["id"]) if "chores" in owed else None


def _later(entries: str, ids: Some[str] | None, seconds: float | None) -> Document:
    """An expression: the list with these entries due later."""
    since = {"$ifNull": ["$$entry.first", "$$entry.at"]}
    at = put_off(since) if seconds is None else after("$$NOW", seconds)
    changed = {"$mergeObjects": [{"first": "$$entry.at"}, "$$entry", {"at": at}]}
    which = True if ids is None else {"$in": ["$$entry.id", {"$literal": list(ids)}]}
    return {"$map": {"input": entries, "as": "entry", "in": {"$cond": [which, changed, "$$entry"]}}}


def _entry(event: Event, at: datetime) -> Document:
    """An entry of an outbox."""
    return {"id": new_id(), "type": event.type, "at": at, "data": stored(event.data), **_asked()}


def _asked() -> Document:
    """Who asks for what is done now, as an entry has it."""
    asked = who_asked()
    return {"by": asked.actor} | ({"request": asked.request_id} if asked.request_id is not None else {})
