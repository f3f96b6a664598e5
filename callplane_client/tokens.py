"""Access tokens without asking the API: signs them with the secret of a key, and reads what one says."""

import base64
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callplane_client.fields import JoinGrantFields, Role

ROLES: tuple[Role, ...] = ("subscriber", "publisher", "moderator")
LONGEST = 7 * 24 * 3600
"""Seconds that an API takes unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who may join what; ``signed`` makes the token that a browser shows."""

    identity: str
    session: str
    """The id or ``custom_id`` of a session; ``*`` for all of the key's tenant."""
    role: Role = "publisher"
    seconds: int = 3600
    grants: JoinGrantFields | None = None
    """What the seat may do otherwise than its role has it; also the most that a moderator can give it later."""

    def __post_init__(self) -> None:
        """Refuse what every API would refuse, where the mistake was made."""
        if not self.identity or not self.session:
            raise ValueError("an access token names an identity and a session (* for all)")
        if self.role not in ROLES:
            raise ValueError(f"{self.role!r} is no role: {', '.join(ROLES)}")
        if not 0 < self.seconds <= LONGEST:
            raise ValueError(f"an access token is good for 1 to {LONGEST} seconds")
        if unknown := set(self.grants or {}) - JoinGrantFields.__annotations__.keys():
            raise ValueError(f"there is no grant {', '.join(sorted(unknown))}")

    def signed(self, key: str, secret: str) -> str:
        """The token (HS256), by the name of an API key and its secret."""
        now = int(time.time())
        grants = {} if self.grants is None else {"grants": self.grants}
        claims = {"iss": key, "sub": self.identity, "session": self.session, "role": self.role, **grants}
        head = _part({"alg": "HS256", "typ": "JWT"})
        body = f"{head}.{_part({**claims, 'iat': now, 'exp': now + self.seconds})}"
        return f"{body}.{_encoded(hmac.digest(secret.encode(), body.encode(), 'sha256'))}"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, verified by nobody: only the API knows whether it is true."""

    session: str | None
    subject: str | None
    """``sub``: an identity, or in a participant token the participant's id."""
    role: str | None
    expires_at: datetime | None
    is_participant: bool
    """Whether it is a participant token."""
    claims: dict[str, Any]


def read_token(token: str) -> Claims:
    """What it says. ValueError: it is no JWT."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise ValueError("a JWT has three parts")
    head, claims = _read(parts[0]), _read(parts[1])
    end = claims.get("exp")
    return Claims(
        session=claims.get("session"),
        subject=claims.get("sub"),
        role=claims.get("role"),
        expires_at=datetime.fromtimestamp(end, UTC) if isinstance(end, int | float) else None,
        is_participant=head.get("typ") == "participant+jwt",
        claims=claims,
    )


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _read(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except ValueError:
        raise ValueError("a part of it is no JSON in base64url (RFC 7519, 7.2)") from None
    if not isinstance(found, dict):
        raise ValueError("a part of it is no JSON object")
    return found
