"""Rules that several permissions share: roles, identities, what moderators leave alone, what a token names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from api.auth.credentials import Anonymous, Credential, KeyHolder
from api.auth.tokens import AccessToken, SeatToken
from callplane.contracts.bounds import IDENTITY_BYTES, is_text
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.callers import (
    api_key_needed,
    hand_of_another,
    moderators_only,
    participant_token_needed,
    presence_of_another,
    token_of_another_session,
)
from callplane.contracts.refusals.sessions import session_closed
from callplane.contracts.shapes import GrantChanges, Role
from callplane.store.documents import Roster, Seat, SessionDocument

Open = TypeVar("Open", bound=SessionDocument | Roster)


@dataclass(frozen=True, slots=True)
class Admission:
    """How somebody may join: anew, or back to the seat ``participant_id``."""

    role: Role
    participant_id: ParticipantId | None = None
    grants: GrantChanges | None = None
    identity: str | None = None
    """Who that is: ``iss:sub``, in the words of the key that vouches for it."""


@dataclass(frozen=True, slots=True)
class PresenceScope:
    """Where somebody may see presence: in one session (None: all), named by id or custom id, of one tenant."""

    session: str | None = None
    tenant: str | None = None


def of_session(token: SeatToken, session_id: SessionId) -> None:
    """Only the session that the token is of. Raises Refusal."""
    if token.session_id != session_id:
        raise token_of_another_session()


def only_servers(credential: Credential) -> Credential:
    """An API key, or open access. Raises Refusal."""
    if isinstance(credential, AccessToken | SeatToken):
        raise api_key_needed("forbidden")
    return credential


def seat_token(credential: Credential) -> SeatToken:
    """The token of a seat, and no other credential. Raises Refusal."""
    match credential:
        case SeatToken():
            return credential
        case Anonymous():
            raise participant_token_needed("unauthorized")
        case KeyHolder() | AccessToken():
            raise participant_token_needed("forbidden")


def identity_of(issuer: str, subject: str | None) -> str | None:
    """None for nobody in particular, and for a subject that is no short text."""
    if subject is None or len(subject.encode(errors="replace")) > IDENTITY_BYTES:
        return None
    return f"{issuer}:{subject}" if is_text(subject) else None


def for_another(changes: Mapping[str, Any]) -> None:
    """What moderators leave to whom it is about; a hand they only lower. Raises Refusal."""
    if "presence" in changes:
        raise presence_of_another()
    if changes.get("hand_raised"):
        raise hand_of_another()


def lets_moderate(changes: Mapping[str, Any]) -> bool:
    """Whether a seat is to moderate by this."""
    return changes.get("role") == "moderator" or bool(changes.get("grants", {}).get("moderate"))


def only_moderators(seat: Seat) -> None:
    """Refuse whoever has not that grant."""
    if not seat.may.moderate:
        raise moderators_only()


def sees_hidden(credential: Credential, session: SessionDocument) -> bool:
    """Whether hidden seats are in what it is shown of a session that it may read: a server's, or a moderator's."""
    match credential:
        case KeyHolder() | Anonymous():
            return True
        case SeatToken(participant_id=participant_id):
            seat = session.any_seat(participant_id)
            return seat is not None and seat.may.moderate
        case AccessToken():
            return False


def names(token: AccessToken, session: SessionDocument) -> None:
    """Refuse a token that is for another session."""
    if token.session is not None and token.session not in (session.id, session.custom_id):
        raise token_of_another_session()


def still_open(session: Open) -> Open:
    """The session, if it is not over. Raises Refusal."""
    if session.status == "closed":
        raise session_closed(session.reason)
    return session
