"""Request bodies: a class for each, with every bound of design 8.3."""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from api.schemas.bodies import CandidateText, Data, DateTime, Metadata, Mid, PatchBody, Sdp, Strict
from api.schemas.grants import GrantsBody, JoinGrantsBody
from callplane.contracts import bounds
from callplane.contracts.engines import Engine
from callplane.contracts.model import Body
from callplane.contracts.shapes import Duplicates, Kind, MediaKind, Role, Show, Source


class CreateBody(Strict):
    """Of ``POST /sessions``."""

    custom_id: bounds.CustomId | None = None
    """the caller's own name for it: the same one finds the same open session"""
    max_participants: bounds.Seats = 100
    """seats"""
    empty_timeout: bounds.Seconds = 300
    """seconds without anybody from the beginning, until it closes"""
    departure_timeout: bounds.Seconds = 20
    """seconds after all have left, until it closes"""
    grace: bounds.GraceSeconds = 30
    """seconds that a seat without its client is kept"""
    duplicates: Duplicates = Field(default="allow", description="what becomes of a second seat of one identity")
    metadata: Metadata = Field(default_factory=dict)
    """kept with it, up to 16 KiB"""


class PatchSessionBody(PatchBody):
    """Of ``PATCH /sessions/{id}``."""

    max_participants: bounds.Seats = 100
    """seats"""
    empty_timeout: bounds.Seconds = 300
    """seconds without anybody from the beginning, until it closes"""
    departure_timeout: bounds.Seconds = 20
    """seconds after all have left, until it closes"""
    grace: bounds.GraceSeconds = 30
    """seconds that a seat without its client is kept"""
    duplicates: Duplicates = Field(default="allow", description="what becomes of a second seat of one identity")
    metadata: Metadata = Field(default_factory=dict)
    """in place of what was kept"""


class JoinBody(Strict):
    """Of ``POST …/participants``; without a role, what the credential grants (``publisher``).

    ``identity``: as an API key says who sits there; an access token says it by its ``sub``. ``grants`` are said by API
    keys and access tokens as well.
    """

    name: bounds.Name = ""
    """to be shown"""
    role: Role | None = None
    """up to what the credential grants, which it is without this"""
    metadata: Metadata = Field(default_factory=dict)
    """kept with the seat"""
    identity: bounds.Subject | None = None
    """who it is, by an API key: an access token says it by its `sub`"""
    grants: JoinGrantsBody | None = None
    """what it may do otherwise than its role has it"""


class TokenBody(Strict):
    """Of ``POST /tokens``."""

    session: bounds.SessionName = Field(description="the id or custom id of a session; `*` for all of the tenant")
    identity: bounds.Subject = Field(description="who it is for: the claim `sub`")
    role: Role = Field(default="publisher", description="up to which role its bearer may join")
    grants: JoinGrantsBody | None = Field(
        default=None, description="what its seat may do otherwise than its role has it"
    )
    seconds: int = Field(default=3600, ge=1, le=31_536_000, description="how long it is good for")


class MutedBody(PatchBody):
    """Which media to mute or unmute; what is not named stays."""

    audio: bool = False
    """whether sound is muted"""
    video: bool = False
    """whether pictures are muted"""


class MuteEverybodyBody(PatchBody):
    """Of ``POST …/mute``: which media, and whom not. Nobody is unmuted by others."""

    audio: bool = Field(default=False, description="whether to mute what is heard")
    video: bool = Field(default=False, description="whether to mute what is seen")
    but: list[bounds.ParticipantId] = Field(
        default_factory=list, max_length=500, description="participants that are left as they are"
    )

    @model_validator(mode="after")
    def _mutes(self) -> "MuteEverybodyBody":
        if not (self.audio or self.video):
            raise ValueError("names no medium to mute")
        return self

    @property
    def media(self) -> list[MediaKind]:
        """What it names."""
        named: dict[MediaKind, bool] = {"audio": self.audio, "video": self.video}
        return [medium for medium, on in named.items() if on]


class PresenceBody(Strict):
    """Said as a whole: what is not named is as if nothing had been said. One whose ``until`` is over ends at once."""

    show: Show = "available"
    """how available, in XMPP's words"""
    status: bounds.StatusText = ""
    """in one's own words"""
    until: DateTime | None = None
    """when it ends by itself"""


class PatchParticipantBody(PatchBody):
    """Of ``PATCH …/participants/{pid}``."""

    name: bounds.Name = ""
    """to be shown"""
    role: Role = "publisher"
    """what it may do; moderators and keys change it"""
    metadata: Metadata = Field(default_factory=dict)
    """in place of what was kept"""
    muted: MutedBody = Field(default_factory=lambda: MutedBody(audio=False))
    """of media that are not named nothing changes"""
    grants: GrantsBody = Field(default_factory=lambda: GrantsBody(chat=True))
    """moderators and keys change it; what is not named stays"""
    presence: PresenceBody = Field(default_factory=PresenceBody)
    """said anew as a whole"""
    hand_raised: bool = False
    """moderators lower those of others and raise none"""


class OfferBody(Strict):
    """Of ``POST …/connections``: an SDP offer to send, or to receive what ``publisher`` sends."""

    kind: Kind
    """send, or receive"""
    publisher: bounds.ParticipantId | None = None
    """whose stream to receive; with `subscribe` alone"""
    stream: bounds.ConnectionId | None = None
    """which of its streams, by its connection; without it the latest"""
    replaces: bounds.ConnectionId | None = None
    """one's own connection of the same kind, whose place this takes"""
    source: Source | None = Field(
        default=None, description="what is sent; camera or microphone, by the media, where it is not said"
    )
    sdp_offer: Sdp
    """of `createOffer`, candidates in it or sent later"""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "OfferBody":
        if self.kind == "subscribe" and self.publisher is None:
            raise ValueError("a subscription names its publisher")
        if self.kind == "publish" and (self.publisher or self.stream):
            raise ValueError("only a subscription names a publisher or a stream")
        if self.kind == "subscribe" and self.source:
            raise ValueError("only who publishes names a source")
        return self


class CandidateBody(Strict):
    """The browser's RTCIceCandidateInit; an empty or null candidate says that no more will come."""

    candidate: CandidateText | None = ""
    """the attribute, without `a=`"""
    sdpMid: Mid | None = None
    """the media section's name"""
    sdpMLineIndex: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """the media section's number"""
    usernameFragment: Mid | None = None
    """of the ICE generation"""


class CandidatesBody(Strict):
    """Of ``POST …/candidates``: ``{"candidates": […]}``, a plain list, or one RTCIceCandidateInit."""

    candidates: Annotated[list[CandidateBody | None], Field(max_length=bounds.CANDIDATES)]
    """in the order in which they were found"""

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"candidates": value}
        if isinstance(value, dict) and "candidate" in value and "candidates" not in value:
            return {"candidates": [value]}
        return value


Receiver = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9-]{1,64}|role:(publisher|subscriber|moderator))$", strict=True)
]
"""A participant's id, or a role for whoever has it."""


class SignalBody(Strict):
    """Of ``POST …/signals``: to one receiver, to several, or without ``to`` to everybody.

    A volatile one is never kept: it is for who reads now, within ``ttl_ms`` (5,000 where it is not said).
    """

    to: Receiver | Annotated[list[Receiver], Field(min_length=1, max_length=bounds.SIGNAL_RECEIVERS)] | None = None
    """participants' ids or `role:…`; without it everybody, the sender too"""
    type: Annotated[str, StringConstraints(min_length=1), bounds.text_bytes(bounds.SIGNAL_TYPE_BYTES)]
    """the application's own word for what it is; `chat` is kept in the history"""
    data: Data = None
    """any JSON, up to 16 KiB"""
    volatile: bool = False
    """for who reads now; never kept"""
    ttl_ms: Annotated[int, Field(ge=1, le=bounds.SIGNAL_TTL_MILLISECONDS)] | None = None
    """how long a volatile one is good for"""

    @model_validator(mode="after")
    def _only_volatile_ones_end(self) -> "SignalBody":
        if self.ttl_ms is not None and not self.volatile:
            raise ValueError("only a volatile signal has a ttl_ms: others are kept until they are read")
        return self

    @property
    def receivers(self) -> list[str] | None:
        """Whom it names, each once; None: everybody."""
        return None if self.to is None else list(dict.fromkeys([self.to] if isinstance(self.to, str) else self.to))


class MediaServerBody(Strict):
    """Of ``POST /media-servers``: what to call it, and its WebSocket address."""

    name: bounds.ServerName
    """what to call it"""
    url: bounds.ServerUrl
    """its WebSocket address"""


class PatchMediaServerBody(PatchBody):
    """Of ``PATCH /media-servers/{name}``."""

    cordoned: bool = False
    """takes no new session"""
    draining: bool = False
    """gives its sessions to others as well"""

    @model_validator(mode="after")
    def _drained_is_cordoned(self) -> "PatchMediaServerBody":
        if self.draining and "cordoned" in self.model_fields_set and not self.cordoned:
            raise ValueError("a server that is drained is cordoned as well")
        return self


SessionStatus = Literal["open", "closed"]


class ListQuery(Body):
    """Of ``GET /sessions``."""

    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None
    """`next` of the page before"""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """the most sessions to answer with"""
    status: SessionStatus | None = None
    """only sessions of this status"""
    custom_id: bounds.CustomId | None = None
    """only the open session of this custom id, of the key's own tenant; the rest of the question is then passed over"""
    engine: Annotated[Engine | None, Field(description="only sessions whose messages go that way")] = None

    @field_validator("cursor")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        return value or None
