"""Sessions: create, change their own fields, close, and what becomes due with time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from callplane.contracts.commands import CreateSession
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import session_closed, session_updated
from callplane.contracts.reasons import GivenReason, SessionReason
from callplane.store.decoding import read
from callplane.store.documents import Roster, SessionDocument
from callplane.store.filters import (
    after,
    has_room,
    in_time,
    is_due,
    older_than,
    put_off,
    remember,
)
from callplane.store.free_json import stored
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.mongo.errors import ServerAnswer
from callplane.store.new_session import OF_ALL, SETTINGS, Origin, new_session
from callplane.store.placed_sessions import PlacedSessions
from callplane.store.projections import CONCERNED, ROSTER, one_seat, some_seats
from callplane.store.shared_reads import SharedReads
from callplane.store.tenancy import of_tenant
from callplane.store.unreadable import close_unreadable, why_not
from callplane.store.versioned_updates import Change, NewChore
from callplane.store.views import Snapshot, session_view

DELETED_AFTER = 2.0
"""Seconds from a session's end to that of its queue: what is on its way there is answered first."""
DELETE = "delete-session"
TIMEOUTS = ("empty_timeout", "departure_timeout")
_CONVERSION_FAILURE = 241
AT_ONCE = 500
_DESERTED: Document = {"status": "open", "participants": []}

NotCreated = Literal["repeated", "taken", "late"]


class Sessions(PlacedSessions):
    """Sessions as a whole; seats and media have repositories of their own on the same collection."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        super().__init__(database, "sessions", SessionDocument, clock, concerned=CONCERNED)
        self._snapshots: SharedReads[SessionId, Snapshot | None] = SharedReads(self._snapshot)
        self._rosters: SharedReads[SessionId, Roster | None] = SharedReads(self._roster)

    def now(self) -> datetime:
        """The time of the database in which they are."""
        return self._clock.now()

    async def create(
        self, session_id: SessionId, wanted: CreateSession, deadline: datetime, origin: Origin = OF_ALL
    ) -> SessionDocument | NotCreated:
        """Insert it once. ``taken``: its tenant has another open session with the custom id; ``late``: too late.

        An upsert may not have ``$expr`` in its filter, so the pipeline itself fails when the database's clock is past
        the deadline; every text of the caller stands inside ``$literal``, where it is not evaluated.
        """
        late = {"$toInt": {"$concat": ["late ", "$_id"]}}
        stamps = {"_id": "$_id", "since": "$$NOW", "created_at": "$$NOW"}
        fresh = {"$mergeObjects": [{"$literal": new_session(wanted, origin)}, stamps]}
        pipeline = [{"$replaceWith": {"$cond": [in_time(deadline), fresh, late]}}]
        guard = {"_id": session_id, "created_at": {"$exists": False}}
        try:
            made = await self._collection.find_one_and_update_repeatable(guard, pipeline, upsert=True)
        except DuplicateKeyError as double:
            return "repeated" if "_id" in (double.details or {}).get("keyPattern", {}) else "taken"
        except ServerAnswer as said:
            if said.code == _CONVERSION_FAILURE:
                return "late"
            raise
        if made is None:
            raise Trouble("the database says nothing of what it has made")
        return read(SessionDocument, made, self._collection)

    async def find(self, session_id: SessionId) -> SessionDocument | None:
        """The session as of the last majority write."""
        return await self._updates.find(session_id)

    async def snapshot(self, session_id: SessionId) -> Snapshot | None:
        """The session with everybody in it; who ask at once share a read, which began after each of them asked."""
        return await self._snapshots(session_id)

    async def _snapshot(self, session_id: SessionId) -> Snapshot | None:
        found = await self.find(session_id)
        return None if found is None else Snapshot(found, session_view(found))

    async def with_seat(
        self, session_id: SessionId, participant_id: ParticipantId, *others: ParticipantId
    ) -> SessionDocument | None:
        """The session with that seat, which is not in it when it is not taken, and with these others alone."""
        found = await self._collection.find_one({"_id": session_id}, one_seat(participant_id, *others))
        return None if found is None else read(SessionDocument, found, self._collection)

    async def with_seats(self, session_id: SessionId, *participants: ParticipantId) -> SessionDocument | None:
        """The session with those of these seats that are taken, and their streams, and nobody else."""
        found = await self._collection.find_one({"_id": session_id}, some_seats(participants))
        return None if found is None else read(SessionDocument, found, self._collection)

    async def roster(self, session_id: SessionId) -> Roster | None:
        """Who sits in it, without all that it holds besides, which may be megabytes; who ask at once share a read."""
        return await self._rosters(session_id)

    async def _roster(self, session_id: SessionId) -> Roster | None:
        found = await self._collection.find_one({"_id": session_id}, ROSTER)
        return None if found is None else read(Roster, found, self._collection)

    async def is_full(self, session_id: SessionId) -> bool:
        """Whether it has as many bytes as callers may bring it to."""
        where: Document = {"_id": session_id, "$expr": {"$not": [has_room()]}}
        return await self._collection.find_one(where, {"_id": 1}) is not None

    async def epoch_of_open(self, session_id: SessionId) -> int | None:
        """Its epoch, if it is open; read without the rest, which may be large, or not readable."""
        found = await self._collection.find_one({"_id": session_id, "status": "open"}, {"epoch": 1})
        if found is None:
            return None
        epoch = found.get("epoch")
        return epoch if isinstance(epoch, int) else 0

    async def grace_of(self, session_id: SessionId) -> int | None:
        """The grace of its seats, without all that it holds besides; None: it is not open."""
        found = await self._collection.find_one({"_id": session_id, "status": "open"}, {"settings.grace": 1})
        return None if found is None else int(found["settings"]["grace"])

    async def find_open_by_custom_id(self, custom_id: str, tenant: str | None = None) -> SessionDocument | None:
        """The open session with this custom id that a tenant's keys reach (None: any keys)."""
        # Twice said that it is a text: the index of the unique ones serves the question only then.
        wanted = {"$eq": custom_id, "$type": "string"}
        found = await self._collection.find_one({"custom_id": wanted, "status": "open", **of_tenant(tenant)})
        return None if found is None else read(SessionDocument, found, self._collection)

    async def update(
        self,
        session_id: SessionId,
        command_id: CommandId,
        changes: dict[str, Any],
        deadline: datetime,
        if_match: int | None,
    ) -> Change[SessionDocument] | None:
        """Change its own fields, once per command, in time, at the version that the caller names."""
        where: Document = {"_id": session_id, "status": "open", "applied": {"$ne": command_id}}
        where["$expr"] = {"$and": [in_time(deadline), *([has_room()] if "metadata" in changes else [])]}
        if if_match is not None:
            where["version"] = if_match
        fields = {f"settings.{name}" if name in SETTINGS else name: stored(value) for name, value in changes.items()}
        update: dict[str, Document] = {"$set": fields, "$push": remember(command_id)}
        if not changes.keys().isdisjoint(TIMEOUTS):
            update["$unset"] = {"due": ""}
        return await self._updates.change(where, update, session_updated(changes))

    async def close(self, session_id: SessionId, reason: SessionReason | GivenReason) -> Change[SessionDocument] | None:
        """End it for everybody. None: it was closed already, or is none."""
        return await self._close({"_id": session_id}, reason)

    async def _close(self, where: Document, reason: SessionReason | GivenReason) -> Change[SessionDocument] | None:
        now = self._clock.now()
        closed = await self._updates.change(
            {"status": "open", **where},
            {
                "$set": {"status": "closed", "reason": reason, "closed_at": now},
                "$currentDate": {"since": True},
                "$unset": {"due": ""},
            },
            session_closed(reason),
            [
                NewChore("sweep-connections"),
                NewChore("release-pipeline"),
                NewChore(DELETE, after=DELETED_AFTER),
            ],
        )
        if closed is not None and closed.document.commands == "sharded":
            # Without a queue there is nothing to wait for, and no sweep to take it up: it goes with the others.
            deletions = tuple(chore.id for chore in closed.document.chores if chore.do == DELETE)
            return Change(closed.document, closed.chores + deletions)
        return closed

    async def close_unreadable(
        self, session_id: SessionId, reason: SessionReason | GivenReason
    ) -> Change[SessionDocument] | None:
        """End one that cannot be read, losing what was in it. None: there is none, or it can be read."""
        found = await self._collection.find_one({"_id": session_id})
        if found is None or why_not(SessionDocument, found) is None:
            return None
        closed = await close_unreadable(self._collection, self._clock, found, reason)
        return None if closed is None else Change(closed, tuple(chore.id for chore in closed.chores))

    async def schedule_placement(self, session_id: SessionId) -> None:
        """Remember, once, that a pipeline is wanted as soon as a media server is up."""
        where = {"_id": session_id, "status": "open", "media": None, "chores.do": {"$ne": "place"}}
        await self._updates.change(where, {}, None, [NewChore("place")])

    async def schedule_deletion(self, session_id: SessionId) -> None:
        """Somebody declared the queue of a closed session again: it is deleted once more."""
        where = {"_id": session_id, "status": "closed", "chores.do": {"$ne": DELETE}}
        await self._updates.change(where, {}, None, [NewChore(DELETE)])

    async def clear_media(self, session_id: SessionId, media: MediaRef) -> None:
        """A closed session's pipeline has been released: nothing refers to it any more."""
        await self._collection.update_one(
            {"_id": session_id, "status": "closed", "media": media}, {"$set": {"media": None}}
        )

    async def is_over(self, session_id: SessionId, seconds: float) -> bool:
        """Whether it was closed ``seconds`` ago and everything of it has been told."""
        where = {"_id": session_id, "status": "closed", "outbox": [], **older_than("since", seconds)}
        return await self._collection.find_one(where, {"_id": 1}) is not None

    async def closed_among(self, sessions: Collection[SessionId]) -> set[SessionId]:
        """Those of them that are closed."""
        where = {"_id": {"$in": list(sessions)}, "status": "closed"}
        return {SessionId(found["_id"]) async for found in self._collection.find(where, {"_id": 1})}

    async def open_ids(self) -> list[SessionId]:
        """Every open session that has a queue of its own.

        Read ``local``: majority reads, with secondaries behind, missed inserts (measured).
        """
        local = self._collection.with_options(read_concern=ReadConcern("local"))
        where = {"status": "open", "commands": {"$ne": "sharded"}}
        found = [document["_id"] async for document in local.find(where, {"_id": 1})]
        return [SessionId(id_) for id_ in found if isinstance(id_, str)]

    async def tombstones(self, seconds: float, limit: int = 100) -> list[SessionId]:
        """Sessions that were closed longer ago than anybody may still read their mailboxes, unless that is put off."""
        old: Document = {"status": "closed", **older_than("since", seconds)}
        tried = {"due": {"$type": "date"}, "$and": [older_than("since", seconds), is_due()]}
        found = []
        for where in ({**old, "due": None}, {"status": "closed", **tried}):
            found += [d["_id"] async for d in self._collection.find(where, {"_id": 1}).limit(limit)]
        return [SessionId(id_) for id_ in found if isinstance(id_, str)]

    async def published(self, sessions: Collection[SessionId]) -> dict[SessionId, int]:
        """Of each open one of these, the version up to which its events are published; others wait in its outbox."""
        version = {"$subtract": ["$version", {"$size": {"$ifNull": ["$outbox", []]}}]}
        found: dict[SessionId, int] = {}
        ids = sorted(sessions)
        for start in range(0, len(ids), AT_ONCE):
            where = {"_id": {"$in": ids[start : start + AT_ONCE]}, "status": "open"}
            async for one in self._collection.find(where, {"published": version}):
                found[one["_id"]] = one["published"]
        return found

    async def put_off(self, session_id: SessionId) -> None:
        """What time alone makes due of it could not be done: later, after 30 s at most."""
        await self._collection.update_one({"_id": session_id}, [{"$set": {"due": put_off("$since")}}])

    async def delete_logs_again(self, session_id: SessionId, seats: list[ParticipantId], seconds: int) -> None:
        """Remember, once, whose logs are being deleted, for they are to be deleted again so many seconds from now."""
        where = {"_id": session_id, "status": "closed", "log_seats": {"$exists": False}}
        later = after("$$NOW", seconds)
        await self._collection.update_one(where, [{"$set": {"log_seats": {"$literal": seats}, "due": later}}])

    async def seats_of_deleted_logs(self, session_id: SessionId) -> list[ParticipantId] | None:
        """Whose logs were deleted once; None: those of nobody."""
        found = await self._collection.find_one({"_id": session_id, "log_seats": {"$exists": True}}, {"log_seats": 1})
        return None if found is None else [ParticipantId(seat) for seat in found["log_seats"]]

    async def delete_tombstone(self, session_id: SessionId) -> None:
        """Delete a tombstone."""
        await self._collection.delete_one({"_id": session_id, "status": "closed"})

    async def due_to_close(self, limit: int = 100) -> list[tuple[SessionId, SessionReason]]:
        """Open sessions that nobody came to, or that everybody left, for longer than their settings: id and reason.

        When that is, is reckoned once for each that is new: thousands may stay deserted for hours.
        """
        timeout = {"$cond": ["$left", "$settings.departure_timeout", "$settings.empty_timeout"]}
        new, where = {**_DESERTED, "due": None}, {**_DESERTED, "due": {"$type": "date"}, **is_due()}
        await self._collection.update_many(new, [{"$set": {"due": after("$since", timeout)}}])
        found = await self._collection.find(where, {"left": 1}).limit(limit).to_list()
        return [
            (SessionId(one["_id"]), "departed" if one.get("left") else "empty")
            for one in found
            if isinstance(one["_id"], str)
        ]

    async def close_deserted(self, session_id: SessionId, reason: SessionReason) -> Change[SessionDocument] | None:
        """Close it if it is still deserted and still due; one that is not is reckoned anew."""
        left = reason == "departed"
        setting = "$settings.departure_timeout" if left else "$settings.empty_timeout"
        where = {"_id": session_id, "participants": [], "left": left, **older_than("since", setting)}
        closed = await self._close(where, reason)
        if closed is None:
            await self._collection.update_one({"_id": session_id, **_DESERTED}, {"$unset": {"due": ""}})
        return closed
