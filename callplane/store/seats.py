"""Seats of a session: take one, change it, give it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.contracts.messages import (
    Event,
    participant_joined,
    participant_left,
    participant_reconnected,
    participant_reconnecting,
    participant_updated,
    participants_muted,
)
from callplane.contracts.reasons import GivenReason, SeatReason
from callplane.contracts.shapes import MediaKind, ParticipantView, Presence
from callplane.store.documents import Ban, Replaced, Seat, SessionDocument
from callplane.store.figures import seat_left, seat_taken
from callplane.store.filters import has_room, in_time, may_the_same, remember
from callplane.store.free_json import stored
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.projections import CONCERNED
from callplane.store.versioned_updates import Change, NewChore, VersionedUpdates

KICKED_KEPT = 1000
"""Of seats, and of identities that are banned: beyond it the one of longest ago may come back."""


@dataclass(frozen=True, slots=True)
class SeatGuard:
    """What an update of a seat must meet beside the seat's existence; ``if_match`` is the session's version."""

    command_id: CommandId
    deadline: datetime
    if_match: int | None = None
    judged: tuple[Seat, ...] = ()
    """Seats by whose grants it was found allowed: they must be as they were read."""


@dataclass(frozen=True, slots=True)
class Kick:
    """That a seat which is taken away may not be come back to, nor be its identity in another one (None: nobody's)."""

    identity: str | None = None

    def remembered(self, participant_id: ParticipantId, reason: str, now: datetime) -> Document:
        """What is pushed onto the lists of the session for it."""
        pushes: Document = {"kicked": {"$each": [participant_id], "$slice": -KICKED_KEPT}}
        if self.identity is not None:
            ban = Ban(identity=self.identity, participant_id=participant_id, at=now, reason=reason)
            pushes["bans"] = {"$each": [ban.model_dump()], "$slice": -KICKED_KEPT}
        return pushes


@dataclass(frozen=True, slots=True)
class Replacement:
    """That a seat made room for another of its identity, which is meant by a kick that comes late."""

    identity: str

    def remembered(self, participant_id: ParticipantId, _reason: str, _now: datetime) -> Document:
        """What is pushed onto the lists of the session for it."""
        one = Replaced(participant_id=participant_id, identity=self.identity)
        return {"replaced": {"$each": [one.model_dump()], "$slice": -KICKED_KEPT}}


class Seats:
    """One method per thing that can happen to a seat; each is one guarded update with one event."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._collection = database["sessions"]
        self._clock = clock
        self._updates = VersionedUpdates(self._collection, SessionDocument, clock)

    async def take(
        self, session_id: SessionId, seat: Seat, command_id: CommandId, deadline: datetime
    ) -> Change[SessionDocument] | None:
        """Sit down, once per command, in time, while there is room; ``max_participants`` is never passed."""
        room = {"$lt": [{"$size": "$participants"}, "$settings.max_participants"]}
        where: Document = {
            "_id": session_id,
            "status": "open",
            "participants.id": {"$ne": seat.id},
            "kicked": {"$ne": seat.id},
            "applied": {"$ne": command_id},
            "$expr": {"$and": [room, has_room(), in_time(deadline)]},
        }
        if seat.identity is not None:
            where["bans.identity"] = {"$ne": seat.identity}
            where["$expr"]["$and"].append(no_refused_duplicate(seat.identity))
        shown = ParticipantView.model_validate({**seat.model_dump(), "grants": seat.grants and seat.may})
        now = self._clock.now()
        begun = seat.model_copy(update={"last_active_at": now})
        written = {**begun.model_dump(exclude_none=True), "metadata": stored(seat.metadata)}
        return await self._updates.change(
            where,
            {
                "$push": {"participants": written, **remember(command_id)},
                "$unset": {"since": "", "due": ""},
                "$inc": seat_taken(now),
            },
            participant_joined(shown.model_dump(mode="json")),
            projection=CONCERNED,
        )

    async def pull(
        self,
        session_id: SessionId,
        participant_id: ParticipantId,
        reason: SeatReason | GivenReason,
        *,
        why: Kick | Replacement | None = None,
    ) -> Change[SessionDocument] | None:
        """Take one seat away and say so; streams end with it, and a kick keeps it away. None: it was gone already.

        After a kick the document shows everybody: who kicks looks for other seats of the same identity.
        """
        now = self._clock.now()
        pushes = {} if why is None else why.remembered(participant_id, reason, now)
        return await self._updates.change(
            {"_id": session_id, "status": "open", "participants": {"$elemMatch": {"id": participant_id}}},
            {
                "$pull": {"participants": {"id": participant_id}, "streams": {"participant_id": participant_id}},
                "$set": {"left": True},
                "$inc": seat_left(now),
                "$currentDate": {"since": True},
                "$unset": {"due": ""},
                **({"$push": pushes} if pushes else {}),
            },
            participant_left(participant_id, reason),
            ends_with_seat(participant_id, reason),
            projection=None if isinstance(why, Kick) else CONCERNED,
        )

    async def ban(self, session_id: SessionId, participant_id: ParticipantId, reason: str, kick: Kick) -> None:
        """Remember a kick whose seat had gone by itself before, once. In no view, and so without an event."""
        where = {"_id": session_id, "status": "open", "kicked": {"$ne": participant_id}}
        remembered = kick.remembered(participant_id, reason, self._clock.now())
        await self._collection.update_one(where, {"$push": remembered})

    async def update(
        self, session_id: SessionId, before: ParticipantView, changes: Mapping[str, Any], guard: SeatGuard
    ) -> Change[SessionDocument] | None:
        """Change the fields that ``changes`` names (``muted`` by medium), once per command and in time."""
        grows = not changes.keys().isdisjoint(("metadata", "presence"))
        where: Document = {
            "_id": session_id,
            "status": "open",
            "participants": {"$elemMatch": {"id": before.id}},
            "applied": {"$ne": guard.command_id},
            "$expr": {"$and": [in_time(guard.deadline), *([has_room()] if grows else [])]},
        }
        if guard.judged:
            seats = [{"id": before.id}, *(may_the_same(seat.id, seat.role, seat.grants) for seat in guard.judged)]
            where["participants"] = {"$all": [{"$elemMatch": seat} for seat in seats]}
        if guard.if_match is not None:
            where["version"] = guard.if_match
        now = self._clock.now()
        return await self._updates.change(
            where,
            {**_operators(changes, now), "$push": remember(guard.command_id)},
            participant_updated(before.model_dump(mode="json"), _told(changes, now)),
            [NewChore(chore, {"participant_id": before.id}) for chore in _owed(changes)],
            array_filters=[{"seat.id": before.id}],
            projection=CONCERNED,
        )

    async def mute_everybody(
        self, session_id: SessionId, media: list[MediaKind], but: list[ParticipantId], guard: SeatGuard
    ) -> Change[SessionDocument] | None:
        """Mute all that sit there but some, once per command and in time."""
        where: Document = {"_id": session_id, "status": "open", "applied": {"$ne": guard.command_id}}
        return await self._updates.change(
            {**where, "$expr": in_time(guard.deadline)},
            {
                "$set": {f"participants.$[seat].muted.{medium}": True for medium in media},
                "$push": remember(guard.command_id),
            },
            participants_muted(media, but),
            [NewChore("settle-all-streams")],
            array_filters=[{"seat.id": {"$nin": but}}],
            projection=CONCERNED,
        )

    async def reconnecting(
        self, session_id: SessionId, participant_id: ParticipantId
    ) -> Change[SessionDocument] | None:
        """Its media is away: everybody is told, once."""
        return await self._turn(
            session_id, participant_id, ("joined", "reconnecting"), participant_reconnecting(participant_id)
        )

    async def reconnected(self, session_id: SessionId, participant_id: ParticipantId) -> Change[SessionDocument] | None:
        """It is back: everybody is told, once."""
        return await self._turn(
            session_id, participant_id, ("reconnecting", "joined"), participant_reconnected(participant_id)
        )

    async def away(self, after: str, limit: int = 500) -> tuple[set[tuple[SessionId, ParticipantId]], str]:
        """Seats whose media is away, of some open sessions after this one; and the session to go on after."""
        where = {"status": "open", "participants.state": "reconnecting", "_id": {"$gt": after}}
        shown = {"participants.id": 1, "participants.state": 1}
        found = await self._collection.find(where, shown).sort("_id", 1).limit(limit).to_list()
        seats = {
            (one["_id"], seat["id"])
            for one in found
            for seat in one["participants"]
            if isinstance(seat, dict) and seat.get("state") == "reconnecting" and isinstance(seat.get("id"), str)
        }
        return seats, found[-1]["_id"] if len(found) == limit else ""

    async def _turn(
        self, session_id: SessionId, participant_id: ParticipantId, states: tuple[str, str], event: Event
    ) -> Change[SessionDocument] | None:
        before, after = states
        return await self._updates.change(
            {
                "_id": session_id,
                "status": "open",
                "participants": {"$elemMatch": {"id": participant_id, "state": before}},
            },
            {"$set": {"participants.$[seat].state": after}},
            event,
            array_filters=[{"seat.id": participant_id}],
            projection=CONCERNED,
        )


def ends_with_seat(participant_id: ParticipantId, reason: SeatReason | GivenReason) -> list[NewChore]:
    """What the end of a seat owes."""
    return [
        NewChore("sweep-connections", {"participant_id": participant_id}),
        NewChore("end-mailbox", {"participant_id": participant_id, "reason": reason}),
    ]


def no_refused_duplicate(identity: str, among: str = "participants") -> Document:
    """An expression: the session takes a second seat of an identity, or this one has none in that list."""
    identities = {"$ifNull": [f"${among}.identity", []]}
    sits = {"$in": [{"$literal": identity}, identities]}
    return {"$or": [{"$ne": ["$settings.duplicates", "refuse"]}, {"$not": [sits]}]}


def _owed(changes: Mapping[str, Any]) -> list[str]:
    """What is to be done on the media server, by the names of its chores."""
    ends = not changes.keys().isdisjoint(("role", "grants"))
    return ["settle-streams"] * ("muted" in changes) + ["enforce-grants"] * ends


def _told(changes: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What changes, as JSON and as the database will have it, whose times are of milliseconds."""
    told = dict(changes)
    if "hand_raised" in told:
        told["hand_raised_at"] = _in_milliseconds(now).isoformat() if told.pop("hand_raised") else None
    if "presence" in told:
        said = Presence.model_validate(told["presence"])
        until = None if said.until is None else _in_milliseconds(said.until)
        told["presence"] = said.model_copy(update={"until": until}).model_dump(mode="json")
    return told


def _in_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _operators(changes: Mapping[str, Any], now: datetime) -> dict[str, Document]:
    """What changes these fields of ``$[seat]``; a hand that is up keeps its time, whoever raises it again."""
    operators: dict[str, Document] = {}
    for name, value in changes.items():
        field = f"participants.$[seat].{name}"
        match name:
            case "muted":
                fields = {f"{field}.{medium}": on for medium, on in value.items()}
                operators.setdefault("$set", {}).update(fields)
            case "grants" if "role" not in changes:
                fields = {f"{field}.{grant}": given for grant, given in value.items()}
                operators.setdefault("$set", {}).update(fields)
            case "grants":
                operators.setdefault("$set", {})[field] = value
            case "role":
                operators.setdefault("$set", {})[field] = value
                if "grants" not in changes:  # the preset, whatever was said of the role before
                    operators.setdefault("$unset", {})["participants.$[seat].grants"] = ""
            case "presence":
                said = Presence.model_validate(value)
                operators.setdefault("$set", {})[field] = said.model_dump(exclude_none=True)
                if said.until is not None:
                    operators.setdefault("$min", {})["presence_due"] = said.until
            case "hand_raised":
                raised = "participants.$[seat].hand_raised_at"
                operators.setdefault("$min" if value else "$unset", {})[raised] = now if value else ""
            case _:
                operators.setdefault("$set", {})[field] = stored(value)
    return operators
