"""Fields of request bodies, as the keyword arguments of the client's methods."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

Role = Literal["subscriber", "publisher", "moderator"]
Show = Literal["available", "chat", "away", "xa", "dnd"]
Source = Literal["camera", "microphone", "screen", "screen_audio"]
Kind = Literal["publish", "subscribe"]


class SessionFields(TypedDict, total=False):
    """What can be said of a session; seconds are whole ones."""

    max_participants: int
    empty_timeout: int
    departure_timeout: int
    grace: int
    duplicates: Literal["allow", "replace", "refuse"]
    metadata: dict[str, Any]


class NewSession(SessionFields, total=False):
    """And what only its making can say."""

    custom_id: str


class GrantFields(TypedDict, total=False):
    """What a seat may do otherwise than its role has it; what is not named stays."""

    publish: list[Source]
    subscribe: bool
    signal: bool
    chat: bool
    moderate: bool


class JoinGrantFields(GrantFields, total=False):
    """And what only a join can say: whether the seat is hidden, and only receives."""

    hidden: bool


class NewParticipant(TypedDict, total=False):
    """What a join can say."""

    name: str
    role: Role
    identity: str
    grants: JoinGrantFields
    metadata: dict[str, Any]


class TokenFields(TypedDict, total=False):
    """What an access token lets its bearer do: join up to a role (``publisher``), for so many seconds (3,600)."""

    role: Role
    grants: JoinGrantFields
    seconds: int


class MutedFields(TypedDict, total=False):
    """Which media to mute or unmute; what is not named stays."""

    audio: bool
    video: bool


class PresenceFields(TypedDict, total=False):
    """Said as a whole; ``until`` is a date-time of RFC 3339."""

    show: Show
    status: str
    until: str | None


class ParticipantFields(TypedDict, total=False):
    """What can be changed of a participant."""

    name: str
    role: Role
    grants: GrantFields
    metadata: dict[str, Any]
    muted: MutedFields
    presence: PresenceFields
    hand_raised: bool


class SignalFields(TypedDict, total=False):
    """To whom (ids, ``role:…``; without it everybody), and whether only to who reads now, within ``ttl_ms``."""

    to: str | list[str]
    volatile: bool
    ttl_ms: int


class WebhookFields(TypedDict, total=False):
    """What can be changed of a webhook."""

    url: str
    types: list[str]
    state: Literal["active", "disabled"]


class Replay(TypedDict, total=False):
    """Deliveries stored from ``start`` until ``end`` (date-times of RFC 3339), in these states (dead ones)."""

    start: str
    end: str
    states: list[Literal["delivered", "dead"]]


class EventFilter(TypedDict, total=False):
    """Which events of the stream: of these types, of one session; ``follow=False`` ends with the newest."""

    type: Sequence[str]
    session: str
    follow: bool


class Offer(TypedDict, total=False):
    """What an offer says besides its SDP: whom it receives or what it sends, and what a restart replaces."""

    publisher: str
    stream: str
    replaces: str
    source: Source
