"""What a session has on a media server: its pipeline and the streams in it, both bound to one epoch."""

from callplane.contracts.media import MediaRef
from callplane.contracts.messages import (
    media_lost,
    media_ready,
    participant_updated,
    stream_published,
    stream_unpublished,
)
from callplane.contracts.shapes import ParticipantView
from callplane.store.changes import Change, CountedUpdates, Owed
from callplane.store.database import Database, DatabaseClock
from callplane.store.documents import SessionDocument


class SessionMedia:
    """Guarded updates of ``media``, ``epoch`` and ``streams``."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._counted = CountedUpdates(database["sessions"], SessionDocument, clock)

    async def place(
        self, session: str, epoch: int, media: MediaRef, server_id: str, why: str
    ) -> Change[SessionDocument] | None:
        """Give the epoch its pipeline. None: somebody else was first, or the epoch or the session is over."""
        return await self._counted.change(
            {"_id": session, "status": "open", "epoch": epoch, "media": None},
            {"$set": {"media": media, "server": media.server, "server_id": server_id, "placed_because": why}},
            media_ready(epoch),
        )

    async def lose(self, session: SessionDocument, reason: str) -> Change[SessionDocument] | None:
        """Count the epoch on because this very pipeline is gone; once, whoever else noticed (design 7)."""
        epoch = session.epoch + 1
        return await self._counted.change(
            {"_id": session.id, "status": "open", "epoch": session.epoch, "media": session.media},
            {"$set": {"media": None, "streams": [], "epoch": epoch}},
            media_lost(epoch, reason),
            [
                Owed("sweep-connections", {"epoch": epoch}),
                Owed("place", {"epoch": epoch}),
                Owed("release-lost-pipeline", {"media": session.media, "server_id": session.server_id}),
            ],
        )

    async def publish(
        self, session: str, epoch: int, participant: str, connection: str
    ) -> Change[SessionDocument] | None:
        """Enter a ready connection as a stream of its seat, once."""
        return await self._counted.change(
            {
                "_id": session,
                "status": "open",
                "epoch": epoch,
                "participants": {"$elemMatch": {"id": participant}},
                "streams.connection_id": {"$ne": connection},
            },
            {"$push": {"streams": {"participant_id": participant, "connection_id": connection}}},
            stream_published(participant, connection),
            [Owed("settle-streams", {"participant_id": participant})],
        )

    async def replace(
        self, session: str, epoch: int, participant: ParticipantView, connections: tuple[str, str]
    ) -> Change[SessionDocument] | None:
        """Let a ready connection (the second) take the place of another in ``streams``, once (design 7)."""
        old, new = connections
        mine = {"participant_id": participant.id, "connection_id": old}
        return await self._counted.change(
            {"_id": session, "status": "open", "epoch": epoch, "streams": {"$elemMatch": mine}},
            {"$set": {"streams.$[entry].connection_id": new}},
            participant_updated(participant.model_dump(mode="json")),
            [Owed("settle-streams", {"participant_id": participant.id})],
            array_filters=[{"entry.connection_id": old}],
        )

    async def unpublish(
        self, session: str, participant: str, connection: str, reason: str
    ) -> Change[SessionDocument] | None:
        """Take a stream out; None: it was none (any more)."""
        return await self._counted.change(
            {"_id": session, "status": "open", "streams": {"$elemMatch": {"connection_id": connection}}},
            {"$pull": {"streams": {"connection_id": connection}}},
            stream_unpublished(participant, connection, reason),
        )
