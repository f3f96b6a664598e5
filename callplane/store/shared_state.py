"""Shared state of a session: a key is set or taken away by one guarded update, whatever others do with other keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callplane.contracts.bounds import STATE_BYTES, STATE_KEYS
from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.contracts.messages import state_changed
from callplane.store.decoding import read
from callplane.store.documents import SessionDocument
from callplane.store.filters import has_room, in_time, remembered
from callplane.store.free_json import stored
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.projections import CONCERNED, STATE, listed
from callplane.store.versioned_updates import NEXT_VERSION, Change, VersionedUpdates


@dataclass(frozen=True, slots=True)
class StateGuard:
    """What an update of a key must meet: in time, once per command, the caller's seat still there (None: a server's),
    and the key as the caller has seen it: since that version, 0 for not there, None for whatever it is."""

    command_id: CommandId
    deadline: datetime
    participant_id: ParticipantId | None = None
    if_version: int | None = None


class SharedState:
    """Updates and reads of the field ``state``, a list: MongoDB gives dots and dollars in names of fields a meaning."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._collection = database["sessions"]
        self._updates = VersionedUpdates(self._collection, SessionDocument, clock)

    async def set(
        self, session_id: SessionId, key: str, value: Any, guard: StateGuard
    ) -> Change[SessionDocument] | None:
        """Give the key a value, or (None) take it away, which says so once. None: the guard failed, or it was gone."""
        where: Document = {"_id": session_id, "status": "open", "applied": {"$ne": guard.command_id}}
        if guard.participant_id is not None:
            where["participants.id"] = guard.participant_id
        room = [has_room(), *_room(key, value)] if value is not None else []
        where["$expr"] = {"$and": [in_time(guard.deadline), *room]}
        where["$and"] = [_seen(key, guard.if_version), {"state.key": key} if value is None else {}]
        return await self._updates.change_by(
            where,
            {"state": _after(key, value), "applied": remembered(guard.command_id)},
            state_changed(key, value, guard.participant_id),
            projection=CONCERNED,
        )

    async def read(self, session_id: SessionId) -> SessionDocument | None:
        """The session with its shared state and the commands that were applied, and nobody who sits in it."""
        found = await self._collection.find_one({"_id": session_id}, STATE)
        return None if found is None else read(SessionDocument, found, self._collection)

    async def fits(self, session_id: SessionId, key: str, value: Any) -> bool:
        """Whether there is room for this value of the key."""
        where: Document = {"_id": session_id, "$expr": {"$and": _room(key, value)}}
        return await self._collection.find_one(where, {"_id": 1}) is not None


def _seen(key: str, version: int | None) -> Document:
    """A filter: the key is as the caller has seen it."""
    if version is None:
        return {}
    return {"state": {"$elemMatch": {"key": key, "version": version}}} if version else {"state.key": {"$ne": key}}


def _others(key: str) -> Document:
    """An expression: the entries of all other keys."""
    other = {"$ne": ["$$one.key", {"$literal": key}]}
    return {"$filter": {"input": listed("state"), "as": "one", "cond": other}}


def _after(key: str, value: Any) -> Document:
    """An expression: all entries, when this key has its new value."""
    if value is None:
        return _others(key)
    entry = {"key": {"$literal": key}, "value": {"$literal": stored(value)}, "version": NEXT_VERSION}
    return {"$concatArrays": [_others(key), [entry]]}


def _room(key: str, value: Any) -> list[Document]:
    """Expressions: neither too many keys then, nor too many bytes."""
    return [
        {"$lt": [{"$size": _others(key)}, STATE_KEYS]},
        {"$lte": [{"$bsonSize": {"state": _after(key, value)}}, STATE_BYTES]},
    ]
