"""Unreadable documents: found by reading everything, and taken away in the way that costs the least."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pydantic import BaseModel

from callplane.contracts.ids import new_id
from callplane.contracts.messages import session_closed
from callplane.contracts.operations import UnreadableView
from callplane.contracts.reasons import GivenReason, SessionReason
from callplane.store.attachments import Attachment
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.media_servers import MediaServerDocument
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.mongo.driver import Collection
from callplane.store.mongo.media_codec import TYPE_REGISTRY
from callplane.telemetry.failures import words

KINDS: Mapping[str, type[BaseModel]] = {
    "attachments": Attachment,
    "connections": ConnectionDocument,
    "media_servers": MediaServerDocument,
    "sessions": SessionDocument,
}
"""What is read whole; of the other collections programs take single fields, and pass over what has none."""

LOOKED_AT = 1000
_AT_ONCE = 50

Removed = Literal["removed", "readable", "unknown"]
_ABSENT = object()
_IDS: CodecOptions[Document] = CodecOptions(tz_aware=True, type_registry=TYPE_REGISTRY)


@dataclass(frozen=True, slots=True)
class Page:
    """What was found among so many documents, and where to go on; None: that was all."""

    documents: list[UnreadableView]
    next: bytes | None


class UnreadableDocuments:
    """For operators. Each page reads a bounded number of documents, and lets others work meanwhile."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._database = database
        self._clock = clock

    async def page(self, after: bytes | None = None) -> Page:
        """The unreadable ones among the next thousand. Raises Unavailable; ValueError when ``after`` is of no page."""
        name, last = _place(after)
        where: Document = {} if last is _ABSENT else {"$expr": {"$gt": ["$_id", {"$literal": last}]}}
        found = await self._database[name].find(where).sort("_id", 1).limit(LOOKED_AT).to_list()
        documents = []
        for n, one in enumerate(found):
            if n % _AT_ONCE == 0:
                await asyncio.sleep(0)
            why = why_not(KINDS[name], one)
            if why is not None:
                documents.append(_view(name, one, why))
        if len(found) == LOOKED_AT:
            return Page(documents, bson.encode({"in": name, "after": found[-1]["_id"]}, codec_options=_IDS))
        later = [other for other in KINDS if other > name]
        return Page(documents, bson.encode({"in": min(later)}) if later else None)

    async def remove(self, name: str, key: bytes) -> Removed:
        """Delete one, unless it can be read by now; a session is closed as far as that is possible."""
        try:
            id_ = bson.decode(key, _IDS)["_id"]
        except (BSONError, KeyError):
            return "unknown"
        if name not in KINDS:
            return "unknown"
        collection = self._database[name]
        found = await collection.find_one({"_id": {"$eq": id_}})  # whatever it is, it is no operator
        if found is None:
            return "unknown"
        if why_not(KINDS[name], found) is None:
            return "readable"
        if name == "sessions" and isinstance(id_, str):
            await close_unreadable(collection, self._clock, found, "removed")
        else:
            await collection.delete_one({"_id": {"$eq": id_}})
        return "removed"


def why_not(kind: type[BaseModel], found: Document) -> str | None:
    """Why it cannot be read; None: it can."""
    try:
        kind.model_validate(found)
    except Exception as failure:  # whatever reading it raises is about this document alone
        return words(failure)
    return None


async def close_unreadable(
    collection: Collection, clock: DatabaseClock, found: Document, reason: SessionReason | GivenReason
) -> SessionDocument | None:
    """Put the tombstone of a closed session where the document was, with what ordinary closing owes; None: it changed.

    Its pipeline is released by the monitor, as nothing refers to it any more.
    """
    update = [{"$replaceWith": {"$mergeObjects": [{"$literal": _tombstone(found, clock, reason)}, _STAMPS]}}]
    version = found.get("version")
    same = {"version": version} if "version" in found else {"version": {"$exists": False}}
    await collection.update_one({"_id": found["_id"], **same}, update)
    now = await collection.find_one({"_id": found["_id"]})
    return None if now is None or why_not(SessionDocument, now) else SessionDocument.model_validate(now)


_STAMPS: Document = {"_id": "$_id", "since": "$$NOW", "created_at": "$$NOW"}


def _tombstone(found: Document, clock: DatabaseClock, reason: SessionReason | GivenReason) -> Document:
    version, epoch, now = found.get("version"), found.get("epoch"), clock.now()
    event = session_closed(reason)
    chores = ("sweep-connections", "delete-session")
    return {
        "status": "closed",
        "reason": reason,
        "version": version + 1 if isinstance(version, int) else 1,
        "epoch": epoch if isinstance(epoch, int) else 1,
        "settings": {"max_participants": 0, "empty_timeout": 0, "departure_timeout": 0, "grace": 0},
        "metadata": {},
        "media": None,
        "participants": [],
        "streams": [],
        "outbox": [{"id": new_id(), "type": event.type, "at": now, "data": event.data}],
        "chores": [{"id": new_id(), "do": do, "at": now, "with": {}} for do in chores],
        "applied": [],
        "kicked": [],
        "left": True,
    }


def _view(name: str, found: Document, why: str) -> UnreadableView:
    session = found.get("session_id", found["_id"] if name == "sessions" else None)
    return UnreadableView(
        collection=name,
        key=bson.encode({"_id": found["_id"]}, codec_options=_IDS).hex(),
        id=str(found["_id"])[:100],
        session_id=session if isinstance(session, str) else None,
        why=why,
    )


def _place(after: bytes | None) -> tuple[str, Any]:
    if after is None:
        return min(KINDS), _ABSENT
    try:
        place = bson.decode(after, _IDS)
    except BSONError as wrong:
        raise ValueError("not the place of a page") from wrong
    if not isinstance(place.get("in"), str) or place["in"] not in KINDS:
        raise ValueError("not the place of a page")
    return place["in"], place.get("after", _ABSENT)
