"""Decoding: from what MongoDB returns to our documents, one by one; one that cannot be read costs no other anything."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger

if TYPE_CHECKING:
    from callplane.store.mongo.driver import Collection, Document

M = TypeVar("M", bound=BaseModel)

REMEMBERED = 1000
"""So many unreadable documents are told of once; more of them are told of again, when they have been forgotten."""


class Unreadable(Exception):
    """A document is not what this program takes for one; its places are told, never its values."""

    def __init__(self, collection: str, id_: Any, why: str) -> None:
        super().__init__(f"a document of {collection} cannot be read: {why}")
        self.collection = collection
        self.id = id_


class UnreadDocuments:
    """Tells of each unreadable document once, and counts every time that one is met."""

    def __init__(self) -> None:
        self.on_unreadable: Callable[[str], None] = lambda _collection: None
        """Is told the collection, for a metric."""
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Collection and id of each that was told of, the one that was met last at the end."""

    def tell(self, collection: str, id_: Any, why: str) -> None:
        """One was met."""
        self.on_unreadable(collection)
        which = (collection, repr(id_)[:100])
        if which in self._told:
            self._told.move_to_end(which)
            return
        self._told[which] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        logger("store").error("unreadable document", collection=collection, document=which[1], why=why)


def read(kind: type[M], found: "Document", collection: "Collection") -> M:
    """One document. Raises Unreadable, for which its caller has no other answer than to say so."""
    try:
        return kind.model_validate(found)
    except Exception as failure:  # whatever reading it raises is about this document alone
        why = words(failure)
        collection.unread.tell(collection.name, found.get("_id"), why)
        raise Unreadable(collection.name, found.get("_id"), why) from None


async def page(
    kind: type[M], where: "Document", collection: "Collection", *, order: str | None = None, limit: int = 0
) -> list[M]:
    """Those of the first ``limit`` (0: of all) that match, by ``order`` (``-…``: downwards), which can be read.

    Those that cannot are left out of the next question: at the head of a page they would hide all others for ever.
    """
    unread: list[Any] = []
    while True:
        found = collection.find({"$and": [where, {"_id": {"$nin": unread}}]} if unread else where)
        if order is not None:
            found = found.sort(order.removeprefix("-"), -1 if order.startswith("-") else 1)
        documents, new = _split(kind, await found.limit(limit).to_list(), collection)
        if not new:
            return documents
        unread += new


def readable(kind: type[M], found: Iterable["Document"], collection: "Collection") -> list[M]:
    """Those of them that can be read, in their order."""
    return _split(kind, found, collection)[0]


def _split(kind: type[M], found: Iterable["Document"], collection: "Collection") -> tuple[list[M], list[Any]]:
    documents, unread = [], []
    for one in found:
        try:
            documents.append(read(kind, one, collection))
        except Unreadable as failure:
            unread.append(failure.id)
    return documents, unread
