"""Shapes: a session, a participant and a connection as HTTP and messages show them (design 8.5)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.model import Wire

Role = Literal["publisher", "subscriber", "moderator"]
Duplicates = Literal["allow", "replace", "refuse"]
"""What becomes of a second seat of one identity: it is taken, takes the place of the first, or is not taken."""
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
    """no sound of it reaches anybody"""
    video: bool = False
    """no picture of it reaches anybody"""


class Grants(Wire):
    """What a seat may do: its role's preset, and what was said of it by itself."""

    publish: list[Source] = Field(default=["camera", "microphone", "screen", "screen_audio"])
    """which sources it may send"""
    subscribe: bool = True
    """whether it may receive streams"""
    signal: bool = True
    """whether it may send signals other than `chat`"""
    chat: bool = True
    """whether it may send signals of type `chat`, and edit its own"""
    moderate: bool = False
    """whether it may do what a moderator may"""
    hidden: bool = False
    """whether it is in no list, message and limit of the others, and only receives; said at its join, for good"""


class GrantChanges(Wire):
    """Grants that are otherwise than in the preset of the role; null: as there."""

    publish: list[Source] | None = None
    subscribe: bool | None = None
    signal: bool | None = None
    chat: bool | None = None
    moderate: bool | None = None
    hidden: bool | None = None


class Presence(Wire):
    """How available a participant says it is, in what words, and until when; then it is as if it had said nothing."""

    show: Show = "available"
    """how available, in XMPP's words"""
    status: str = ""
    """in its own words"""
    until: datetime | None = None
    """when it ends by itself; null: not"""


class StreamView(Wire):
    """One published stream, named by the connection that carries it; ``media`` is null where that is not known.

    ``source`` is what its offer has named; of a camera or a screen, also what is heard with it.
    """

    connection_id: ConnectionId
    """the connection that carries it"""
    media: list[MediaKind] | None = None
    """what it has; null where that is not known"""
    source: Source | None = None
    """what its offer has named; null: nothing"""


class ParticipantView(Wire):
    """A seat as everybody sees it."""

    id: ParticipantId
    """of the seat, for its whole life"""
    name: str = ""
    """to be shown"""
    role: Role = "publisher"
    """what it may do"""
    grants: Grants | None = None
    """what it may do otherwise than its role has it; null: nothing"""
    state: Literal["joined", "reconnecting"] = "joined"
    """`reconnecting` while its media is away"""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """what its application keeps with it"""
    muted: Muted = Muted()
    """what of it reaches nobody"""
    presence: Presence = Presence()
    """how available it says it is"""
    hand_raised_at: datetime | None = None
    """since when its hand is up; null: it is not"""
    streams: list[StreamView] = Field(default_factory=list)
    """what it publishes"""


class SessionSummary(Wire):
    """A session without its participants, as ``session-updated`` shows it."""

    id: SessionId
    """of the session"""
    custom_id: str | None = None
    """the caller's own name for it"""
    status: Literal["open", "closed"] = "open"
    """`closed` ones can be read for a while"""
    version: int
    """higher after each change"""
    epoch: int
    """of its media: offers of an older one are void"""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """what its application keeps with it"""
    max_participants: int
    """seats"""
    empty_timeout: int
    """seconds without anybody from the beginning, until it closes"""
    departure_timeout: int
    """seconds after all have left, until it closes"""
    grace: int
    """seconds that a seat without its client is kept"""
    duplicates: Duplicates = "allow"
    """what becomes of a second seat of one identity"""
    created_at: datetime
    """when it was made"""
    closed_at: datetime | None = None
    """when it was closed; null: it is open"""
    closed_because: str | None = None
    """`closed` (asked for), `empty` (nobody came), `departed` (all had left), or the words of whoever closed it"""
    peak_participants: int | None = None
    """how many sat in it at once; null while it is open"""
    participant_minutes: float | None = None
    """for how long together all sat in it, in minutes; null while it is open, and where not all of it was counted"""


class StateEntry(Wire):
    """A key of a session's shared state."""

    value: Any
    """any JSON but null"""
    version: int
    """the session's version since which it has this value"""


class SessionView(SessionSummary):
    """A snapshot: the state as of ``version``; every later change has an event with a higher version."""

    participants: list[ParticipantView] = Field(default_factory=list)
    """the seats, as of `version`"""
    state: dict[str, StateEntry] = Field(default_factory=dict)
    """what those in it share, by key, as of `version`"""
    hidden: list[ParticipantView] = Field(default_factory=list)
    """the hidden seats as they are now, for whom GET shows them: API keys and moderators; of no version"""


class ConnectionView(Wire):
    """One WebRTC endpoint of a participant; ``sdp_answer`` is null until the offer was answered.

    ``media`` says what the answer accepts of what was offered: what a publisher sends, or a viewer receives.
    """

    id: ConnectionId
    """of the connection"""
    kind: Kind
    """whether it sends or receives"""
    publisher: ParticipantId | None = None
    """whose stream it receives; null where it sends"""
    epoch: int
    """the session's epoch to which it belongs"""
    state: ConnectionState
    """`ready` once it is answered"""
    sdp_answer: str | None = None
    """for `setRemoteDescription`; null until the offer is answered"""
    media: list[MediaKind] | None = None
    """what the answer accepts of what was offered"""
