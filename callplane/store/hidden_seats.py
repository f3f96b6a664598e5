"""Hidden seats of a session: take one, give it up. Nobody is told of either, so neither has a version or an event."""

from datetime import datetime

from callplane.contracts.bounds import HIDDEN_SEATS
from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.contracts.reasons import GivenReason, SeatReason
from callplane.store.documents import Seat, SessionDocument
from callplane.store.filters import has_room, in_time, remember
from callplane.store.free_json import stored
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.projections import some_seats
from callplane.store.seats import Kick, Replacement, ends_with_seat, no_refused_duplicate
from callplane.store.versioned_updates import Change, VersionedUpdates

_EVERYBODY: Document = {"outbox": 0}


class HiddenSeats:
    """One guarded update for each. What others wait to be told is not read, so that nobody tells it twice."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._clock = clock
        self._updates = VersionedUpdates(database["sessions"], SessionDocument, clock)

    async def take(
        self, session_id: SessionId, seat: Seat, command_id: CommandId, deadline: datetime
    ) -> Change[SessionDocument] | None:
        """Sit down, once per command, in time, while a hidden seat is free; the session is as deserted as before."""
        where: Document = {
            "_id": session_id,
            "status": "open",
            f"hidden.{HIDDEN_SEATS - 1}": {"$exists": False},
            "hidden.id": {"$ne": seat.id},
            "kicked": {"$ne": seat.id},
            "applied": {"$ne": command_id},
            "$expr": {"$and": [has_room(), in_time(deadline)]},
        }
        if seat.identity is not None:
            where["bans.identity"] = {"$ne": seat.identity}
            where["$expr"]["$and"].append(no_refused_duplicate(seat.identity, among="hidden"))
        begun = seat.model_copy(update={"last_active_at": self._clock.now()})
        written = {**begun.model_dump(exclude_none=True), "metadata": stored(seat.metadata)}
        taken = {"$push": {"hidden": written, **remember(command_id)}}
        return await self._updates.change(where, taken, None, projection=_untold(seat.id))

    async def pull(
        self,
        session_id: SessionId,
        participant_id: ParticipantId,
        reason: SeatReason | GivenReason,
        *,
        why: Kick | Replacement | None = None,
    ) -> Change[SessionDocument] | None:
        """Take one away; a kick keeps it away, and its document shows everybody. None: there was none."""
        pushes = {} if why is None else why.remembered(participant_id, reason, self._clock.now())
        return await self._updates.change(
            {"_id": session_id, "status": "open", "hidden.id": participant_id},
            {"$pull": {"hidden": {"id": participant_id}}, **({"$push": pushes} if pushes else {})},
            None,
            ends_with_seat(participant_id, reason),
            projection=_EVERYBODY if isinstance(why, Kick) else _untold(participant_id),
        )


def _untold(participant_id: ParticipantId) -> Document:
    """A projection: that seat alone, and nothing of what waits to be told."""
    return {name: shown for name, shown in some_seats([participant_id]).items() if name != "outbox"}
