"""Views: from documents to the public shapes (design 8.5)."""

from collections import defaultdict
from dataclasses import dataclass

from callplane.contracts.commands import Joined
from callplane.contracts.grants import source_of
from callplane.contracts.shapes import (
    ConnectionView,
    ParticipantView,
    SessionSummary,
    SessionView,
    StateEntry,
    StreamView,
)
from callplane.store.documents import ConnectionDocument, Seat, SessionDocument, Stream
from callplane.store.figures import figures


def participant_view(session: SessionDocument, seat: Seat) -> ParticipantView:
    """A seat with its streams."""
    return _shown(seat, session.streams_of(seat.id))


def _shown(seat: Seat, streams: list[Stream]) -> ParticipantView:
    return ParticipantView(
        id=seat.id,
        name=seat.name,
        role=seat.role,
        grants=None if seat.grants is None else seat.may,
        state=seat.state,
        metadata=seat.metadata,
        muted=seat.muted,
        presence=seat.presence,
        hand_raised_at=seat.hand_raised_at,
        streams=[_stream(stream) for stream in streams],
    )


def _stream(stream: Stream) -> StreamView:
    source = source_of(stream.source, stream.media)
    return StreamView(connection_id=stream.connection_id, media=stream.media, source=source)


def session_summary(session: SessionDocument) -> SessionSummary:
    """A session without its participants."""
    return SessionSummary(
        id=session.id,
        custom_id=session.custom_id,
        status=session.status,
        version=session.version,
        epoch=session.epoch,
        metadata=session.metadata,
        created_at=session.created_at,
        closed_because=session.reason if session.status == "closed" else None,
        **figures(session),
        **session.settings.model_dump(),
    )


def shared_state(session: SessionDocument) -> dict[str, StateEntry]:
    """What those in it share, by key."""
    return {one.key: StateEntry(value=one.value, version=one.version) for one in session.state}


def session_view(session: SessionDocument, *, hidden: bool = False) -> SessionView:
    """A snapshot of everything that participants may see; ``hidden``: and of the seats that only some may."""
    streams: dict[str, list[Stream]] = defaultdict(list)
    for stream in session.streams:
        streams[stream.participant_id].append(stream)
    return SessionView(
        **session_summary(session).model_dump(),
        participants=[_shown(seat, streams[seat.id]) for seat in session.participants],
        state=shared_state(session),
        hidden=[_shown(seat, []) for seat in session.hidden] if hidden else [],
    )


def connection_view(connection: ConnectionDocument) -> ConnectionView:
    """A connection with its answer, when it has one."""
    return ConnectionView(
        id=connection.id,
        kind=connection.kind,
        publisher=connection.publisher,
        epoch=connection.epoch,
        state=connection.state,
        sdp_answer=connection.answer,
        media=connection.media,
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session as it was read once, and what all who asked for it then are shown."""

    document: SessionDocument
    view: SessionView


def joined_view(snapshot: Snapshot, seat: Seat, own: list[ConnectionDocument]) -> Joined:
    """The answer to a join: the seat, the snapshot that it joined, and the connections that it has already."""
    return Joined(
        participant=participant_view(snapshot.document, seat),
        session=snapshot.view,
        connections=[connection_view(connection) for connection in own],
    )
