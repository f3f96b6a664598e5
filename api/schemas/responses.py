"""Response bodies that exist only in HTTP; everything else is a shape of the contracts."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.operator_examples import GRAPH, OVERVIEW, PROCESSES
from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.contracts.operations import DeadLetterView, MediaServerView, UnreadableView
from callplane.contracts.shapes import ConnectionView, ParticipantView, Presence, SessionView

_PARTICIPANT: dict[str, Any] = {
    "id": "0b6f0c6e-3f0f-5f55-9b52-6f6f0a3c1a11",
    "name": "Ada",
    "role": "publisher",
    "grants": {
        "publish": ["microphone"],
        "subscribe": True,
        "signal": True,
        "chat": True,
        "moderate": False,
        "hidden": False,
    },
    "state": "joined",
    "metadata": {},
    "muted": {"audio": False, "video": False},
    "presence": {"show": "away", "status": "lunch", "until": "2026-01-05T13:00:00Z"},
    "hand_raised_at": None,
    "streams": [],
}
_PRESENCE: dict[str, Any] = {
    "session_id": "6a2f41a3-c54c-5ce8-9fd4-0ab2c33e7d05",
    **{name: _PARTICIPANT[name] for name in ("name", "state", "presence", "hand_raised_at")},
    "participant_id": _PARTICIPANT["id"],
    "last_active_at": "2026-01-05T12:10:00Z",
}
_BAN: dict[str, Any] = {
    "identity": "web:ada",
    "participant_id": _PARTICIPANT["id"],
    "at": "2026-01-05T12:10:00Z",
    "reason": "kicked",
}
_SESSION: dict[str, Any] = {
    "id": "6a2f41a3-c54c-5ce8-9fd4-0ab2c33e7d05",
    "custom_id": "daily",
    "status": "open",
    "version": 3,
    "epoch": 1,
    "metadata": {},
    "max_participants": 100,
    "empty_timeout": 300,
    "departure_timeout": 20,
    "grace": 30,
    "duplicates": "allow",
    "created_at": "2026-01-05T09:00:00Z",
    "participants": [_PARTICIPANT],
    "state": {"slide": {"value": 4, "version": 3}},
    "hidden": [],
}
_CONNECTION: dict[str, Any] = {
    "id": "c56a4180-65aa-52ec-a945-5fd21dec0538",
    "kind": "publish",
    "publisher": None,
    "epoch": 1,
    "state": "ready",
    "sdp_answer": "v=0\r\n…",
    "media": ["audio", "video"],
}
_LETTER: dict[str, Any] = {
    "id": "01980000-0000-7000-8000-000000000000",
    "name": "publish",
    "session_id": _SESSION["id"],
    "queue": "session.6a2f41a3-c54c-5ce8-9fd4-0ab2c33e7d05",
    "reason": "attempts: media server kms-1 is not reached from here",
    "attempt": 5,
    "failed_at": "2026-01-05T09:30:00Z",
}
_MEDIA_SERVER: dict[str, Any] = {
    "name": "kms-1",
    "url": "ws://10.0.0.5:8888/kurento",
    "state": "up",
    "cordoned": False,
    "memory": 74_112,
    "sessions": 12,
    "pipelines": 12,
    "server_id": "c26ea69d-7f6a-4b3a-8a1e-2f8d5c1c9f0b",
    "detail": "",
}
_UNREADABLE: dict[str, Any] = {
    "collection": "sessions",
    "key": "2e000000025f696400",
    "id": _SESSION["id"],
    "session_id": _SESSION["id"],
    "why": "ValidationError at settings, created_at",
}
EXAMPLES: dict[str, Any] = {
    "SessionView": _SESSION,
    "ParticipantView": _PARTICIPANT,
    "ConnectionView": _CONNECTION,
    "DeadLetterView": _LETTER,
    "MediaServerView": _MEDIA_SERVER,
    "UnreadableView": _UNREADABLE,
    "OverviewView": OVERVIEW,
    "ProcessesView": PROCESSES,
    "GraphView": GRAPH,
}


class View(BaseModel):
    """The base: the string below a field is its description."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class SessionList(View):
    """A page of sessions; `next` is the cursor of the page after it, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sessions": [_SESSION], "next": None}]})

    sessions: list[SessionView]
    """in an order that stays"""
    next: str | None
    """the cursor of the next page; null on the last"""


class JoinedView(View):
    """A seat taken: who one is, the token of the seat, and the session as it was right after."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "participant": _PARTICIPANT,
                    "token": "eyJhbGciOiJIUzI1NiIs…",
                    "ice_servers": [{"urls": ["stun:stun.example.org"]}],
                    "session": _SESSION,
                    "connections": [],
                }
            ]
        }
    )

    participant: ParticipantView
    """one's seat"""
    token: str
    """the participant token, for everything that is asked from here on"""
    ice_servers: list[dict[str, Any]]
    """for `new RTCPeerConnection({iceServers})`"""
    session: SessionView
    """as it was right after: messages with a higher `version` change it"""
    connections: list[ConnectionView] = Field(description="what a seat that came back still has")


class ParticipantList(View):
    """The seats of a session, as of one version of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"participants": [_PARTICIPANT], "hidden": []}]})

    participants: list[ParticipantView]
    """in the order in which they were taken"""
    hidden: list[ParticipantView] = Field(default=[], description="those that API keys and moderators alone see")


class ConnectionList(View):
    """The connections of one seat."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"connections": [_CONNECTION]}]})

    connections: list[ConnectionView]
    """those that were offered and have not ended"""


class Accepted(View):
    """The offer was accepted; its outcome comes to the mailbox as `answer` or `error` with `command_id`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": _CONNECTION["id"], "command_id": "01980000-…"}]})

    id: str
    """of the connection"""
    command_id: CommandId
    """by which `answer` or `error` names this offer"""


class SignalSent(View):
    """The signal is on its way; `id` is the id of the message that carries it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "01980000-0000-7000-8000-000000000000"}]})

    id: str
    """of the message that carries it"""


class SeatPresence(View):
    """Somebody's presence in one session; `last_active_at` is what it asked for last, to about 35 s, but for polls."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PRESENCE]})

    session_id: SessionId
    """where"""
    participant_id: ParticipantId
    """its seat there"""
    name: str
    """as it is shown there"""
    state: Literal["joined", "reconnecting"]
    """`reconnecting` while its media is away"""
    presence: Presence
    """how available it says it is"""
    hand_raised_at: datetime | None
    """since when its hand is up; null: it is not"""
    last_active_at: datetime | None
    """when it asked for something last; null: not known"""


class PresenceList(View):
    """By session and seat."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"presence": [_PRESENCE]}]})

    presence: list[SeatPresence]
    """one for each seat"""


class TokenView(View):
    """An access token that was signed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "eyJhbGciOi…", "expires_at": "2026-01-05T13:00:00Z"}]}
    )

    token: str = Field(description="send it as `Authorization: Bearer`")
    expires_at: datetime = Field(description="its `exp`")


class BanView(View):
    """Who may not join a session."""

    identity: str = Field(description="who, `iss:sub`")
    participant_id: ParticipantId = Field(description="the seat whose kick made it")
    at: datetime | None = Field(description="since when")
    reason: str = Field(description="what the participant was told")


class BanList(View):
    """The bans of a session, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"bans": [_BAN]}]})

    bans: list[BanView]
    """those that stand"""


class UnreadableList(View):
    """What was found among so many documents; `next` is the cursor of the page after it, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"documents": [_UNREADABLE], "next": None}]})

    documents: list[UnreadableView]
    """those found on this page"""
    next: str | None
    """the cursor of the next page; null on the last"""


class DeadLetterList(View):
    """The oldest of the commands that were given up, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dead_letters": [_LETTER]}]})

    dead_letters: list[DeadLetterView]
    """a hundred at most"""


class MediaServerList(View):
    """The pool, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"media_servers": [_MEDIA_SERVER]}]})

    media_servers: list[MediaServerView]
    """all of them"""


class Health(View):
    """Whether the program is well."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str
    """`ok`, or what is missing"""
