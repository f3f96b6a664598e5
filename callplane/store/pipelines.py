"""Pipelines: what a session has on a media server, its pipeline and the streams in it, both bound to one epoch."""

from callplane.contracts.grants import needed, source_of
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import (
    media_lost,
    media_ready,
    participant_updated,
    stream_published,
    stream_unpublished,
)
from callplane.contracts.reasons import MediaLostReason
from callplane.contracts.shapes import ParticipantView
from callplane.store.documents import ConnectionDocument, SessionDocument, Stream
from callplane.store.filters import may_publish
from callplane.store.mongo.database import Database, DatabaseClock
from callplane.store.projections import some_seats
from callplane.store.versioned_updates import Change, NewChore, VersionedUpdates


class SessionMedia:
    """Guarded updates of ``media``, ``epoch`` and ``streams``."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._updates = VersionedUpdates(database["sessions"], SessionDocument, clock)

    async def place(
        self, session_id: SessionId, epoch: int, media: MediaRef, server_id: str, why: str
    ) -> Change[SessionDocument] | None:
        """Give the epoch its pipeline. None: somebody else was first, or the epoch or the session is over."""
        return await self._updates.change(
            {"_id": session_id, "status": "open", "epoch": epoch, "media": None},
            {"$set": {"media": media, "server": media.server, "server_id": server_id, "placed_because": why}},
            media_ready(epoch),
        )

    async def lose(
        self, session: SessionDocument, reason: MediaLostReason, *, pipeline_lives: bool = True, slack: float = 0.0
    ) -> Change[SessionDocument] | None:
        """Count the epoch on because this very pipeline is gone; once, whoever else noticed (design 7.1).

        ``pipeline_lives``: its process may have it still, and has to release it. ``slack``: as of ``change``.
        """
        epoch = session.epoch + 1
        lives = NewChore("release-lost-pipeline", {"media": session.media, "server_id": session.server_id})
        return await self._updates.change(
            {"_id": session.id, "status": "open", "epoch": session.epoch, "media": session.media},
            {"$set": {"media": None, "streams": [], "epoch": epoch}},
            media_lost(epoch, reason),
            [
                NewChore("sweep-connections", {"epoch": epoch}),
                NewChore("place", {"epoch": epoch}),
                *([lives] if pipeline_lives else []),
            ],
            slack=slack,
        )

    async def publish(self, connection: ConnectionDocument) -> Change[SessionDocument] | None:
        """Enter a ready connection as a stream of its seat, once, if the seat has the grants for it now."""
        source, seat = source_of(connection.source, connection.media), connection.participant_id
        stream = Stream(participant_id=seat, connection_id=connection.id, media=connection.media, source=source)
        return await self._updates.change(
            {
                "_id": connection.session_id,
                "status": "open",
                "epoch": connection.epoch,
                "participants": {"$elemMatch": {"id": seat, **may_publish(needed(source, connection.media))}},
                "streams.connection_id": {"$ne": connection.id},
            },
            {"$push": {"streams": stream.model_dump()}},
            stream_published(seat, connection.id, connection.media, source),
            [NewChore("settle-streams", {"participant_id": seat})],
            projection=some_seats([seat]),
        )

    async def replace(
        self, connection: ConnectionDocument, old: ConnectionId, participant: ParticipantView
    ) -> Change[SessionDocument] | None:
        """Let a ready connection take the place of another in ``streams``, once, as ``publish`` does (design 7)."""
        mine = {"participant_id": participant.id, "connection_id": old}
        source = source_of(connection.source, connection.media)
        seat = {"id": participant.id, **may_publish(needed(source, connection.media))}
        where = {
            "_id": connection.session_id,
            "status": "open",
            "epoch": connection.epoch,
            "participants": {"$elemMatch": seat},
        }
        new = {"connection_id": connection.id, "media": connection.media, "source": source}
        swapped = {f"streams.$[entry].{name}": value for name, value in new.items()}
        return await self._updates.change(
            {**where, "streams": {"$elemMatch": mine}},
            {"$set": swapped},
            participant_updated(participant.model_dump(mode="json"), {"stream": {**new, "replaces": old}}),
            [NewChore("settle-streams", {"participant_id": participant.id})],
            array_filters=[{"entry.connection_id": old}],
            projection=some_seats([participant.id]),
        )

    async def unpublish(
        self, session_id: SessionId, participant_id: ParticipantId, connection_id: ConnectionId, reason: str
    ) -> Change[SessionDocument] | None:
        """Take a stream out; None: it was none (any more)."""
        return await self._updates.change(
            {"_id": session_id, "status": "open", "streams": {"$elemMatch": {"connection_id": connection_id}}},
            {"$pull": {"streams": {"connection_id": connection_id}}},
            stream_unpublished(participant_id, connection_id, reason),
            # Who watches the participant and names no stream sees the next one from now on.
            [NewChore("settle-streams", {"participant_id": participant_id})],
            projection=some_seats([participant_id]),
        )
