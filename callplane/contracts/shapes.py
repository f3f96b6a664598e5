"""Shapes: a session, a participant and a connection as HTTP and messages show them (design 8.5)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.model import Wire

Role = Literal["publisher", "subscriber", "moderator"]
Kind = Literal["publish", "subscribe"]
ConnectionState = Literal["negotiating", "ready", "released"]
MediaKind = Literal["audio", "video"]
Source = Literal["camera", "microphone", "screen", "screen_audio"]
"""Where media come from, as the names of devices and captures that browsers ask their users for."""
Show = Literal["available", "chat", "away", "xa", "dnd"]
"""How available somebody is: the values of XMPP (RFC 6121, 4.7.2.1), and ``available``, which is there none."""


class Muted(Wire):
    """The media of a participant that reach nobody."""

    audio: bool = False
    video: bool = False


class Grants(Wire):
    """What a seat may do: its role's preset, and what was said of it by itself."""

    publish: list[Source] = Field(default=["camera", "microphone", "screen", "screen_audio"])
    subscribe: bool = True
    signal: bool = True
    chat: bool = True
    moderate: bool = False


class GrantChanges(Wire):
    """Grants that are otherwise than in the preset of the role; null: as there."""

    publish: list[Source] | None = None
    subscribe: bool | None = None
    signal: bool | None = None
    chat: bool | None = None
    moderate: bool | None = None


class Presence(Wire):
    """How available a participant says it is, in what words, and until when; then it is as if it had said nothing."""

    show: Show = "available"
    status: str = ""
    until: datetime | None = None


class StreamView(Wire):
    """One published stream, named by the connection that carries it; ``media`` is null where that is not known.

    ``source`` is what its offer has named; of a camera or a screen, also what is heard with it.
    """

    connection_id: ConnectionId
    media: list[MediaKind] | None = None
    source: Source | None = None


class ParticipantView(Wire):
    """A seat as everybody sees it."""

    id: ParticipantId
    name: str = ""
    role: Role = "publisher"
    grants: Grants | None = None
    """Null: those of the role."""
    state: Literal["joined", "reconnecting"] = "joined"
    metadata: dict[str, Any] = Field(default_factory=dict)
    muted: Muted = Muted()
    presence: Presence = Presence()
    hand_raised_at: datetime | None = None
    streams: list[StreamView] = Field(default_factory=list)


class SessionSummary(Wire):
    """A session without its participants, as ``session-updated`` shows it."""

    id: SessionId
    custom_id: str | None = None
    status: Literal["open", "closed"] = "open"
    version: int
    epoch: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    max_participants: int
    empty_timeout: int
    departure_timeout: int
    grace: int
    created_at: datetime


class SessionView(SessionSummary):
    """A snapshot: the state as of ``version``; every later change has an event with a higher version."""

    participants: list[ParticipantView] = Field(default_factory=list)


class ConnectionView(Wire):
    """One WebRTC endpoint of a participant; ``sdp_answer`` is null until the offer was answered.

    ``media`` says what the answer accepts of what was offered: what a publisher sends, or a viewer receives.
    """

    id: ConnectionId
    kind: Kind
    publisher: ParticipantId | None = None
    epoch: int
    state: ConnectionState
    sdp_answer: str | None = None
    media: list[MediaKind] | None = None
