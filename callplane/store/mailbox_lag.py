"""Mailbox lag: how a seat's messages are read, and how many it had not acknowledged when its place was last written."""

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.operations import MailboxView
from callplane.store.attachments import Attachment
from callplane.store.decoding import read
from callplane.store.log.place import Place
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import Database


class MailboxLag:
    """Reads an attachment and, of the log engine, the ends of both logs that its seat reads."""

    def __init__(self, database: Database, messages: Database) -> None:
        self._attachments = database["attachments"]
        self._logs = LogReader(messages)

    async def of(self, session_id: SessionId, participant_id: ParticipantId) -> MailboxView | None:
        """As of now. None: nobody with this id sits, or has sat of late, in this session. Raises Unavailable."""
        found = await self._attachments.find_one({"_id": participant_id, "session_id": session_id})
        if found is None:
            return None
        seen = read(Attachment, found, self._attachments)
        waiting = await self._waiting(seen) if seen.engine == "log" and seen.state != "ended" else None
        return MailboxView(engine=seen.engine, state=seen.state, since=seen.since, waiting=waiting)

    async def _waiting(self, seen: Attachment) -> int:
        own = LogKey(seen.participant_id, seen.session_id)
        shared = LogKey(seen.session_id, seen.session_id)
        heads = await self._logs.heads([shared, own])
        place = Place.parse(seen.place) or Place()
        behind = (heads[shared].position - place.session, heads[own].position - place.seat)
        return sum(max(0, entries) for entries in behind)
