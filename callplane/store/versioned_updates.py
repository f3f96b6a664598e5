"""Versioned updates: a visible change as one write: guard, change, version, event and chores (design 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pymongo import ReturnDocument

from callplane.contracts.ids import new_id
from callplane.contracts.messages import Event
from callplane.store.decoding import read
from callplane.store.documents import Outboxed
from callplane.store.free_json import stored
from callplane.store.mongo.database import DatabaseClock, Document
from callplane.store.mongo.driver import Collection

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
        **options: Any,
    ) -> Change[D] | None:
        """Apply the update when the filter holds; with an event it counts. None: the guard failed, nothing changed."""
        now, wanted = self._clock.now(), list(chores)
        made = [
            {"id": new_id(), "do": owed.do, "at": now + timedelta(seconds=owed.after), "with": owed.args}
            for owed in wanted
        ]
        pushes: dict[str, Any] = {"chores": {"$each": made}} if made else {}
        operators = {name: dict(fields) for name, fields in update.items()}
        if event is not None:
            entry = {"id": new_id(), "type": event.type, "at": now, "data": stored(event.data)}
            pushes["outbox"] = entry
            operators.setdefault("$inc", {})["version"] = 1
        if pushes:
            operators.setdefault("$push", {}).update(pushes)
        found = await self._apply(where, operators, **options)
        if found is None:
            return None
        at_once = tuple(str(chore["id"]) for chore, owed in zip(made, wanted, strict=True) if not owed.after)
        return Change(read(self._kind, found, self._collection), at_once)

    async def _apply(self, where: Mapping[str, Any], operators: Document, **options: Any) -> Document | None:
        return await self._collection.find_one_and_update(
            where, operators, return_document=ReturnDocument.AFTER, **options
        )

    async def find(self, id_: str) -> D | None:
        """The document as of the last majority write."""
        found = await self._collection.find_one({"_id": id_})
        return None if found is None else read(self._kind, found, self._collection)
