"""Participant tokens and access tokens: two kinds of JWT that can never pass for one another."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from pydantic import ConfigDict, ValidationError

from api.auth.stored_keys import StoredKeys
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.shapes import GrantChanges, Role

PARTICIPANT_TYPE = "participant+jwt"
"""The kind is in the header, and each side refuses the other's (RFC 8725, 3.11): secrets may be shared by mistake."""

_LONGEST = 4096
VERIFIED_KEPT = 20_000
"""Tokens of a kind that were verified once: each request of a caller brings the same, whose signature costs 64 µs."""
_PASSING = frozenset({"exp", "nbf", "iat"})
"""Claims by which what is verified now may not be so later, or the other way round."""

ANY_SESSION = "*"
"""What the token for all sessions of a tenant says: one that names none is a mistake, and no master key."""

LEEWAY_SECONDS = 30
"""How far the clock of who signs may be ahead of ours (``iat``, ``nbf``; RFC 7519, 4.1.5); an end is an end."""

_ROLES: tuple[Role, ...] = ("subscriber", "publisher", "moderator")


class BadToken(Exception):
    """Not a token of this deployment, or no longer one."""


class ExpiredToken(BadToken):
    """An access token that lacks nothing but time: ``said`` is what it said."""

    def __init__(self, said: "AccessToken") -> None:
        super().__init__()
        self.said = said


@dataclass(frozen=True, slots=True)
class SeatToken:
    """What a participant token says: which seat of which session."""

    session_id: SessionId
    participant_id: ParticipantId


SEAT = "callplane.seat"
"""In the scope of a request that came over a socket: the seat that it was opened for, as a ``SeatToken``."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token says: who signed it for whom, for which session (None: any), up to which role, and what
    its seat may do otherwise than the role has it.
    """

    issuer: str
    subject: str
    session: str | None
    role: Role
    tenant: str
    """That of the key which signed it."""
    grants: GrantChanges | None = None


class ParticipantTokens:
    """Signs with the first secret and verifies with all, so that secrets can be rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)
        self._verified: dict[str, SeatToken] = {}
        """What was signed or verified of late, oldest first. Only what never ends: it says the same while we run."""

    def known(self, token: str) -> SeatToken | None:
        """What it says, if it was verified before."""
        return self._verified.get(token)

    def sign(self, session_id: SessionId, participant_id: ParticipantId) -> str:
        """The token of a seat; always the same, so that a repeated join returns the same (design 8.1).

        Its first request mostly comes here, and what was signed here needs no verifying.
        """
        claims = {"sub": participant_id, "session": session_id}
        token = jwt.encode(claims, self._secrets[0], "HS256", headers={"typ": PARTICIPANT_TYPE})
        self._keep(token, SeatToken(session_id, participant_id))
        return token

    def verify(self, token: str) -> SeatToken:
        """What it says, when one of our secrets signed it. Raises BadToken."""
        for secret in self._secrets:
            claims = _decoded(token, secret, ["sub", "session"])
            if claims and isinstance(claims["sub"], str) and isinstance(claims["session"], str):
                seat = SeatToken(SessionId(claims["session"]), ParticipantId(claims["sub"]))
                if claims.keys().isdisjoint(_PASSING):
                    self._keep(token, seat)
                return seat
        raise BadToken

    def _keep(self, token: str, seat: SeatToken) -> None:
        self._verified[token] = seat
        while len(self._verified) > VERIFIED_KEPT:
            del self._verified[next(iter(self._verified))]


@dataclass(frozen=True, slots=True)
class _Verified:
    """An access token that was verified once."""

    said: AccessToken
    until: int
    """Its end, in seconds since 1970."""
    generation: tuple[datetime | None, str]
    """Of the key that signed it."""


class AccessTokens:
    """Verifies what the holders of API keys sign with their secrets, and signs for who has a key and no library."""

    def __init__(
        self, keys: Mapping[str, str], tenants: Mapping[str, str], longest: float, stored: StoredKeys | None = None
    ) -> None:
        self._keys = dict(keys)
        self._stored = stored
        self._tenants = dict(tenants)
        self.longest = longest
        """Seconds that a token may be good for, from its ``iat`` on, or from now."""
        self._verified: dict[bytes, _Verified] = {}
        """What was verified of late, by its hash, the oldest first: a token may have four thousand characters."""

    def known(self, token: str) -> AccessToken | None:
        """What it says, if it was verified before, has not expired, and the key that signed it is there still."""
        kept = self._verified.get(_hash(token)) if self._verified and len(token) <= _LONGEST else None
        if kept is None or kept.until <= time.time() or kept.generation != self._generation(kept.said.issuer):
            return None
        return kept.said

    def sign(self, key: str, claims: Mapping[str, Any], until: int) -> str:
        """A token as the holder of this key would sign it, with these claims."""
        times = {"iat": int(time.time()), "exp": until}
        [secret, *_], _ = self._known(key)
        return jwt.encode({"iss": key, **claims, **times}, secret, "HS256")

    def verify(self, token: str) -> AccessToken:
        """What it says, when the key that it names signed it and it has not expired. Raises BadToken, ExpiredToken."""
        secrets, tenant = self._known(str(_unverified(token).get("iss")))
        good = _signed(token, secrets)
        claims = good or _signed(token, secrets, verify_exp=False)
        if claims is None:
            raise BadToken
        session, role = claims.get("session"), claims.get("role", "publisher")
        if role not in _ROLES or not _is_encodable(claims["sub"]) or not _is_encodable(session):
            raise BadToken
        _in_time(claims, self.longest)
        names = None if session == ANY_SESSION else session
        said = AccessToken(claims["iss"], claims["sub"], names, role, tenant, _grants(claims.get("grants")))
        if good is None:  # its end is over, or none at all: NaN is before no time and after none
            raise ExpiredToken(said) if claims["exp"] <= time.time() else BadToken
        self._keep(token, said, int(claims["exp"]))
        return said

    def _keep(self, token: str, said: AccessToken, until: int) -> None:
        generation = self._generation(said.issuer)
        if generation is not None:
            self._verified[_hash(token)] = _Verified(said, until, generation)
        while len(self._verified) > VERIFIED_KEPT:
            del self._verified[next(iter(self._verified))]

    def _generation(self, key: str) -> tuple[datetime | None, str] | None:
        """What tells a key from another that is made under its name when it is revoked; None: there is none."""
        if key in self._keys:
            return None, self._tenants[key]
        stored = None if self._stored is None else self._stored.named(key)
        return None if stored is None else (stored.created_at, stored.tenant)

    def _known(self, key: str) -> tuple[list[str], str]:
        """What may have signed tokens of this key, and its tenant; nothing where there is none of the name."""
        if key in self._keys:
            return [self._keys[key]], self._tenants[key]
        if self._stored is None or (stored := self._stored.named(key)) is None:
            return [], ""
        return self._stored.signers(stored), stored.tenant


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def is_participant_token(token: str) -> bool:
    """Which of the two kinds it claims to be. Raises BadToken when it is no JWT at all."""
    if len(token) > _LONGEST:
        raise BadToken
    try:
        return jwt.get_unverified_header(token).get("typ") == PARTICIPANT_TYPE
    except (jwt.PyJWTError, ValueError, RecursionError) as broken:
        raise BadToken from broken


def rank(role: Role) -> int:
    """Roles in order of what they may do."""
    return _ROLES.index(role)


class _Grants(GrantChanges):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _grants(said: Any) -> GrantChanges | None:
    """Whoever misspells one has meant to take something away. Raises BadToken."""
    try:
        return None if said is None else GrantChanges(**_Grants.model_validate(said).model_dump())
    except ValidationError as wrong:
        raise BadToken from wrong


def _is_encodable(said: Any) -> bool:
    """Whether it is a text that can be stored and sent: JSON can spell half of a surrogate pair, which is none."""
    try:
        return isinstance(said, str) and said.encode() is not None
    except UnicodeEncodeError:
        return False


def _in_time(claims: Mapping[str, Any], longest: float) -> None:
    """Refuse a token of the future, and one that is good for longer than any may be. Raises BadToken."""
    now = time.time()
    begins = [claims[name] for name in ("iat", "nbf") if name in claims]
    if not all(isinstance(each, int | float) for each in (claims["exp"], *begins)):
        raise BadToken
    if not all(each <= now + LEEWAY_SECONDS for each in begins):
        raise BadToken
    try:
        lives = claims["exp"] - claims.get("iat", now)
    except OverflowError as wrong:  # an integer of four hundred digits, and no number of ours goes as far
        raise BadToken from wrong
    if lives > longest:
        raise BadToken


def _signed(token: str, secrets: Sequence[str], **checks: bool) -> dict[str, Any] | None:
    """What an access token says, if one of these has signed it."""
    own = {"verify_iat": False, "verify_nbf": False, **checks}  # by ``_in_time``: the library has one leeway for all
    decoded = (_decoded(token, secret, ["iss", "sub", "exp"], **own) for secret in secrets)
    return next(filter(None, decoded), None)


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as broken:
        raise BadToken from broken
    return claims


def _decoded(token: str, secret: str, required: list[str], **checks: bool) -> dict[str, Any] | None:
    options: Any = {"require": required, **checks}
    try:
        claims: dict[str, Any] = jwt.decode(token, secret, ["HS256"], options=options)
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
        return None
    return claims
