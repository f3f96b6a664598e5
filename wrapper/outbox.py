"""Publishing what an outbox holds: in order, confirmed, then pulled; whoever starts goes on until it is empty."""

from callplane.bus.ports import Messenger
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.store.connections import Connections
from callplane.store.documents import ConnectionDocument, OutboxEntry, SessionDocument
from callplane.store.sessions import Sessions
from callplane.store.views import participant_view, session_summary


class Outbox:
    """The carrier's work (design 5): sessions tell everybody in them, connections tell their participant."""

    def __init__(self, sessions: Sessions, connections: Connections, messenger: Messenger) -> None:
        self._sessions = sessions
        self._connections = connections
        self._messenger = messenger

    async def carry_session(self, session: SessionDocument | None) -> None:
        """Publish and pull, until nothing is left. Raises Away: what is left is taken up by a sweep."""
        while session is not None and session.outbox:
            messages = [_session_message(session, version, entry) for version, entry in session.numbered()]
            await self._messenger.to_session(SessionId(session.id), messages)
            session = await self._sessions.counted.pull_published(session.id, [e.id for e in session.outbox])

    async def carry_connection(self, connection: ConnectionDocument | None) -> None:
        """The same for a connection; a participant that is gone is no error."""
        while connection is not None and connection.outbox:
            for number, entry in connection.numbered():
                message = Message(
                    id=f"{connection.id}:{number}",
                    type=entry.type,
                    session_id=connection.session_id,
                    at=entry.at,
                    data=entry.data,
                )
                await self._messenger.to_participant(ParticipantId(connection.participant_id), message)
            ids = [entry.id for entry in connection.outbox]
            connection = await self._connections.counted.pull_published(connection.id, ids)


def _session_message(session: SessionDocument, version: int, entry: OutboxEntry) -> Message:
    data = entry.data
    if entry.type == "session-updated":
        data = {"session": {**session_summary(session).model_dump(mode="json"), "version": version}}
    elif entry.type == "participant-updated":
        seat = session.seat(data["participant"]["id"])
        if seat is not None:
            data = {"participant": participant_view(session, seat).model_dump(mode="json")}
    return Message(
        id=f"{session.id}:{version}",
        type=entry.type,
        session_id=session.id,
        version=version,
        at=entry.at,
        data=data,
    )
