"""Scripted wrapper: what a wrapper would answer to each command, for an API whose far end a test is."""

from typing import Any

from pydantic import BaseModel

from callplane.contracts.commands import (
    Done,
    Envelope,
    EverybodyMuted,
    Joined,
    Negotiated,
    ParticipantChanged,
    SessionChanged,
    SessionMade,
    StateSet,
)
from callplane.contracts.ids import connection_made_by, participant_made_by
from callplane.contracts.shapes import ConnectionView, ParticipantView, SessionView

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
"""As short as an SDP offer can be."""


def session_view(session_id: str, version: int = 1) -> SessionView:
    """The shape of a session that is open and empty."""
    limits = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1}
    return SessionView(id=session_id, version=version, epoch=1, created_at="2026-01-05T09:00:00Z", **limits)


async def answering(envelope: Envelope) -> BaseModel:
    """What a wrapper would answer to each."""
    body: Any = envelope.body
    ada = ParticipantView(id=getattr(body, "participant_id", None) or participant_made_by(envelope.id))
    negotiated = ConnectionView(
        id=connection_made_by(envelope.id), kind="publish", epoch=1, state="ready", sdp_answer="v=0"
    )
    answers: dict[str, BaseModel] = {
        "create": SessionMade(session=session_view(envelope.session_id), created=True),
        "update-session": SessionChanged(session=session_view(envelope.session_id, 5)),
        "join": Joined(participant=ada, session=session_view(envelope.session_id, 5)),
        "update-participant": ParticipantChanged(participant=ada, version=6),
        "grant-moderation": ParticipantChanged(participant=ada, version=6),
        "mute-everybody": EverybodyMuted(version=6),
        "set-state": StateSet(version=6),
        "publish": Negotiated(connection=negotiated),
        "subscribe": Negotiated(connection=negotiated),
    }
    return answers.get(envelope.name, Done())
