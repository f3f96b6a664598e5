"""Request bodies: a class for each, with every bound of design 8.3."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from callplane.contracts import bounds
from callplane.contracts.engines import Engine
from callplane.contracts.model import Body
from callplane.contracts.refusals.requests import metadata_too_large
from callplane.contracts.shapes import Kind, Role, Show, Source
from callplane.store.free_json import stored_size


def _finite(value: Any) -> Any:
    """NaN and Infinity, which Python's parser lets pass, are not JSON (RFC 8259, 6): nobody could read them back."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that JSON cannot write")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(item)
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Its own refusal, for its JSON is not too long: small numbers are what takes more room as BSON."""
    if stored_size(value) > bounds.METADATA_STORED_BYTES:
        raise metadata_too_large()
    return value


_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _date_time(value: Any) -> Any:
    """RFC 3339 alone, in JSON as in the description: not the numbers and lone dates that pydantic takes as well."""
    if value is not None and not (isinstance(value, str) and _DATE_TIME.fullmatch(value)):
        raise ValueError("is no date-time of RFC 3339 with its offset")
    return value


def _in_utc(value: datetime) -> datetime:
    """In milliseconds, as BSON keeps it. What lies in no year of four digits nobody could read back."""
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies in no year from 1 to 9999 of UTC") from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


DateTime = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_date_time), AfterValidator(_in_utc)]
Metadata = Annotated[bounds.Metadata, AfterValidator(_finite), AfterValidator(_storable)]
Data = Annotated[Any, bounds.at_most(bounds.SIGNAL_DATA_BYTES), AfterValidator(_finite)]
Sdp = Annotated[str, bounds.text_bytes(bounds.BODY_BYTES)]
CandidateText = Annotated[str, bounds.text_bytes(bounds.CANDIDATE_BYTES)]
Mid = Annotated[str, StringConstraints(max_length=256), AfterValidator(bounds.no_lone_surrogates)]


class Strict(Body):
    """A body in which ``"5"`` is no number and ``1`` no truth value."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, value: Any) -> Any:
        """One error for all the fields that it does not have: pydantic makes one of each."""
        if isinstance(value, dict) and len(value) > len(cls.model_fields):
            unknown = next(name for name in value if name not in cls.model_fields)
            raise ValueError(f"there is no field {str(unknown)[:64]!r}")
        return value


class PatchBody(Strict):
    """A PATCH body: it changes the fields that it names, and names at least one."""

    @model_validator(mode="after")
    def _something(self) -> "PatchBody":
        if not self.model_fields_set:
            raise ValueError("there is nothing to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were named, with their new values."""
        return self.model_dump(exclude_unset=True)


class CreateBody(Strict):
    """Of ``POST /sessions``."""

    custom_id: bounds.CustomId | None = None
    max_participants: bounds.Seats = 100
    empty_timeout: bounds.Seconds = 300
    departure_timeout: bounds.Seconds = 20
    grace: bounds.GraceSeconds = 30
    metadata: Metadata = Field(default_factory=dict)


class PatchSessionBody(PatchBody):
    """Of ``PATCH /sessions/{id}``."""

    max_participants: bounds.Seats = 100
    empty_timeout: bounds.Seconds = 300
    departure_timeout: bounds.Seconds = 20
    grace: bounds.GraceSeconds = 30
    metadata: Metadata = Field(default_factory=dict)


def _each_once(sources: list[Source]) -> list[Source]:
    return list(dict.fromkeys(sources))


Sources = Annotated[list[Source], Field(max_length=16), AfterValidator(_each_once)]


class GrantsBody(PatchBody):
    """What a seat may do otherwise than its role has it; what is not named stays."""

    publish: Sources = Field(default=[], description="which sources it may send; none: nothing")
    subscribe: bool = Field(default=True, description="whether it may receive streams")
    signal: bool = Field(default=True, description="whether it may send signals other than `chat`")
    chat: bool = Field(default=True, description="whether it may send signals of type `chat`, and edit its own")
    moderate: bool = Field(default=False, description="whether it may do what a moderator may")


class JoinBody(Strict):
    """Of ``POST …/participants``; without a role, what the credential grants (``publisher``).

    ``identity``: as an API key says who sits there; an access token says it by its ``sub``. ``grants`` are said by API
    keys and access tokens as well.
    """

    name: bounds.Name = ""
    role: Role | None = None
    metadata: Metadata = Field(default_factory=dict)
    identity: bounds.Subject | None = None
    grants: GrantsBody | None = None


class TokenBody(Strict):
    """Of ``POST /tokens``."""

    session: bounds.SessionName = Field(description="the id or custom id of a session; `*` for all of the tenant")
    identity: bounds.Subject = Field(description="who it is for: the claim `sub`")
    role: Role = Field(default="publisher", description="up to which role its bearer may join")
    grants: GrantsBody | None = Field(default=None, description="what its seat may do otherwise than its role has it")
    seconds: int = Field(default=3600, ge=1, le=31_536_000, description="how long it is good for")


class MutedBody(PatchBody):
    """Which media to mute or unmute; what is not named stays."""

    audio: bool = False
    video: bool = False


class PresenceBody(Strict):
    """Said as a whole: what is not named is as if nothing had been said. One whose ``until`` is over ends at once."""

    show: Show = "available"
    status: bounds.StatusText = ""
    until: DateTime | None = None


class PatchParticipantBody(PatchBody):
    """Of ``PATCH …/participants/{pid}``."""

    name: bounds.Name = ""
    role: Role = "publisher"
    metadata: Metadata = Field(default_factory=dict)
    muted: MutedBody = Field(default_factory=lambda: MutedBody(audio=False))
    grants: GrantsBody = Field(default_factory=lambda: GrantsBody(chat=True))
    presence: PresenceBody = Field(default_factory=PresenceBody)
    hand_raised: bool = False


class OfferBody(Strict):
    """Of ``POST …/connections``: an SDP offer to send, or to receive what ``publisher`` sends."""

    kind: Kind
    publisher: bounds.ParticipantId | None = None
    stream: bounds.ConnectionId | None = None
    replaces: bounds.ConnectionId | None = None
    source: Source | None = Field(
        default=None, description="what is sent; camera or microphone, by the media, where it is not said"
    )
    sdp_offer: Sdp

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
    sdpMid: Mid | None = None
    sdpMLineIndex: Annotated[int, Field(ge=0, le=65_535)] | None = None
    usernameFragment: Mid | None = None


class CandidatesBody(Strict):
    """Of ``POST …/candidates``: ``{"candidates": […]}``, a plain list, or one RTCIceCandidateInit."""

    candidates: Annotated[list[CandidateBody | None], Field(max_length=bounds.CANDIDATES)]

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
    type: Annotated[str, StringConstraints(min_length=1), bounds.text_bytes(bounds.SIGNAL_TYPE_BYTES)]
    data: Data = None
    volatile: bool = False
    ttl_ms: Annotated[int, Field(ge=1, le=bounds.SIGNAL_TTL_MILLISECONDS)] | None = None

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
    url: bounds.ServerUrl


class PatchMediaServerBody(PatchBody):
    """Of ``PATCH /media-servers/{name}``."""

    cordoned: bool = False
    draining: bool = False

    @model_validator(mode="after")
    def _drained_is_cordoned(self) -> "PatchMediaServerBody":
        if self.draining and "cordoned" in self.model_fields_set and not self.cordoned:
            raise ValueError("a server that is drained is cordoned as well")
        return self


SessionStatus = Literal["open", "closed"]


class ListQuery(Body):
    """Of ``GET /sessions``."""

    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    status: SessionStatus | None = None
    engine: Annotated[Engine | None, Field(description="only sessions whose messages go that way")] = None

    @field_validator("cursor")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        return value or None
