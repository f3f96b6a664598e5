"""Credentials: verifies who asks (design 8.1)."""

import hmac
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api.auth.stored_keys import StoredKeys
from api.auth.tokens import (
    AccessToken,
    AccessTokens,
    BadToken,
    ExpiredToken,
    ParticipantTokens,
    SeatToken,
    is_participant_token,
)
from api.settings import Settings
from callplane.contracts.commands import Caller
from callplane.contracts.errors import Refusal
from callplane.contracts.refusals.callers import (
    api_key_not_known,
    bearer_expected,
    credential_missing,
    open_access_needs_link,
    open_access_not_by_name,
    open_access_not_by_proxy,
    open_access_not_cross_site,
    token_expired,
    token_not_valid,
)

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

PASSED_ON = frozenset({"forwarded", "via", "x-real-ip"})
"""Headers that proxies add, with every ``X-Forwarded-*`` (RFC 7239; RFC 9110, 7.6.3)."""

OPEN_ACCESS = ""
"""The tenant of what is made under open access: no key has an empty name."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A server that knows the secret of an API key."""

    name: str
    tenant: str
    is_operator: bool = False
    """Whether it sees all tenants' sessions, and what serves all of them."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Somebody on this machine, where open access is on: without a credential, or with the token of this run."""

    kind: Literal["open"] = "open"


class Expired(Refusal):
    """The refusal of an access token that was good until it expired."""

    def __init__(self, said: AccessToken) -> None:
        super().__init__(**token_expired().problem.model_dump())
        self.said = said
        """What it said: whom to tell of it, and nothing more."""


Credential = KeyHolder | AccessToken | SeatToken | Anonymous


class Credentials:
    """Verifies what a request brings with it."""

    def __init__(self, settings: Settings, stored: StoredKeys | None = None) -> None:
        self._stored = stored
        self._keys = settings.api_keys
        self._tenants = {name: settings.tenant_of(name) for name in settings.api_keys}
        self._operators = settings.operators
        self._open = settings.open_access
        self._open_token = settings.open_token.encode()
        self._origins = frozenset(settings.cors_origins)
        self.participants = ParticipantTokens(settings.token_secrets)
        self.access = AccessTokens(settings.api_keys, self._tenants, settings.access_token_seconds, stored)

    def of(self, headers: Headers) -> Credential:
        """The credential of a request: its bearer token, else its API key, else open access. Raises Refusal."""
        authorization = headers.get("authorization")
        if authorization is not None:
            return self._bearer(authorization, headers)
        secret = headers.get("x-api-key")
        if secret is not None:
            return self._key(secret)
        if not self._open:
            raise credential_missing()
        if self._open_token:
            raise open_access_needs_link()
        self._at_home(headers)
        return Anonymous()

    def _bearer(self, authorization: str, headers: Headers) -> Credential:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise bearer_expected()
        if self._open and self._open_token and hmac.compare_digest(token.strip().encode(), self._open_token):
            self._at_home(headers)
            return Anonymous()
        token = token.strip()
        if (known := self.participants.known(token) or self.access.known(token)) is not None:
            return known
        try:
            verifier = self.participants if is_participant_token(token) else self.access
            return verifier.verify(token)
        except ExpiredToken as expired:
            raise Expired(expired.said) from None
        except BadToken:
            raise token_not_valid() from None

    def _key(self, secret: str) -> KeyHolder:
        given = secret.encode()
        # All are compared, each in constant time: how long it takes says nothing about which was nearly right.
        names = [name for name, known in self._keys.items() if hmac.compare_digest(known.encode(), given)]
        if not names:
            return self._stored_key(secret)
        return KeyHolder(names[0], self._tenants[names[0]], names[0] in self._operators)

    def _stored_key(self, secret: str) -> KeyHolder:
        key = self._stored.of_secret(secret) if self._stored else None
        # A name that settings have as well is theirs, and so are its access tokens.
        if key is None or key.name in self._keys:
            raise api_key_not_known()
        return KeyHolder(key.name, key.tenant, key.operator)

    def has_key(self, name: str) -> bool:
        """Whether settings have a key of this name."""
        return name in self._keys

    def _at_home(self, headers: Headers) -> None:
        """Refuse who is not on this machine: what a proxy passed on, and pages of elsewhere.

        Such a page reaches us by a name that it had pointed at this machine, or by a plain form.
        """
        if any(name in PASSED_ON or name.startswith("x-forwarded-") for name in headers):
            raise open_access_not_by_proxy()
        host = headers.get("host", "")
        if _hostname(host) not in LOCAL_NAMES:
            raise open_access_not_by_name()
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return
        if urlsplit(origin).netloc.lower() != host.lower():
            raise open_access_not_cross_site()


def _hostname(host: str) -> str:
    """The name in a Host header, without its port (RFC 9110, 7.2)."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def identity(credential: Credential) -> str:
    """A text that names the caller: an Idempotency-Key belongs to one of them."""
    match credential:
        case KeyHolder(name=name):
            return f"key:{name}"
        case AccessToken(issuer=issuer, subject=subject):
            return f"access:{issuer}:{subject}"
        case SeatToken(participant_id=participant_id):
            return f"participant:{participant_id}"
        case Anonymous():
            return "open"


def caller(credential: Credential) -> Caller:
    """The caller as a command names it."""
    match credential:
        case KeyHolder(name=name, tenant=tenant):
            return Caller(kind="key", name=name, tenant=tenant)
        case AccessToken(issuer=issuer, subject=subject, role=role, tenant=tenant):
            return Caller(kind="access", name=f"{issuer}:{subject}", role=role, tenant=tenant)
        case SeatToken(participant_id=participant_id):
            return Caller(kind="participant", participant_id=participant_id)
        case Anonymous():
            return Caller(kind="open", tenant=OPEN_ACCESS)
