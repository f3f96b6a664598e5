"""Permissions: every rule about what callers may do, one method for each thing, refused by raising (design 8.2)."""

from collections.abc import Callable, Mapping
from typing import Any, assert_never

from api.auth.credentials import Anonymous, Credential, KeyHolder
from api.auth.quotas import Payer
from api.auth.rules import (
    Admission,
    PresenceScope,
    for_another,
    identity_of,
    lets_moderate,
    names,
    of_session,
    only_moderators,
    only_servers,
    seat_token,
    still_open,
)
from api.auth.tenants import HookScope, Tenants, hook_scope, key_scope, require_own, require_reach, scope
from api.auth.token_seats import TokenSeats, nobody
from api.auth.tokens import AccessToken, SeatToken, rank
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.callers import (
    access_token_changes_no_participants,
    access_token_removes_no_participants,
    access_token_steers_no_session,
    api_key_signs,
    api_keys_alone_name_grants,
    api_keys_alone_name_identities,
    key_or_participant_token_needed,
    operator_key_needed,
    participant_makes_no_sessions,
    role_not_allowed,
    token_lists_no_sessions,
    token_of_another_session,
)
from callplane.contracts.refusals.connections import connection_not_found, connection_of_another
from callplane.contracts.refusals.sessions import participant_not_found, session_not_found
from callplane.contracts.shapes import GrantChanges, Role
from callplane.store.attachments import Attachments
from callplane.store.documents import Roster, Seat, SeatRole, SessionDocument
from callplane.store.sessions import Sessions


class Permissions:
    """Decides by credential, and for participant tokens by the seat as it is now."""

    def __init__(
        self,
        sessions: Sessions,
        attachments: Attachments,
        tenants: Tenants,
        active: Callable[[SessionId, Seat | SeatRole], None] = nobody,
        charge: Callable[[Payer], None] = nobody,
    ) -> None:
        self._sessions, self._tenants = sessions, tenants
        self._seats = TokenSeats(sessions, attachments, active, charge)

    def create(self, credential: Credential, custom_id: str | None) -> None:
        """Make a session, with an access token only the one that it names."""
        match credential:
            case KeyHolder() | Anonymous():
                return
            case AccessToken(session=session):
                if session is not None and session != custom_id:
                    raise token_of_another_session()
            case SeatToken():
                raise participant_makes_no_sessions()

    def list_sessions(self, credential: Credential) -> str | None:
        """See which sessions a tenant has; None: all tenants'."""
        match credential:
            case KeyHolder() | Anonymous() | AccessToken(session=None):
                return scope(credential)
            case AccessToken() | SeatToken():
                raise token_lists_no_sessions()

    def sign(self, credential: Credential) -> KeyHolder:
        """Have an access token signed: with one's own key, and so by key alone."""
        if isinstance(credential, KeyHolder):
            return credential
        raise api_key_signs("unauthorized" if isinstance(credential, Anonymous) else "forbidden")

    def see_tenant(self, credential: Credential, tenant: str) -> None:
        """See what a tenant is given, and has taken of it: its own keys, and operators."""
        require_own(credential, tenant)

    def reach_letters(self, credential: Credential) -> str | None:
        """See, send again and remove dead letters of a tenant; None: of all."""
        return key_scope(credential)

    def hook(self, credential: Credential) -> HookScope:
        """Have and see webhooks."""
        return hook_scope(credential)

    def operate(self, credential: Credential) -> None:
        """See and change what serves all sessions: media servers and dead letters."""
        if key_scope(credential) is not None:
            raise operator_key_needed()

    def audit(self, credential: Credential) -> str | None:
        """See who did what in the sessions of a tenant; None: of all tenants."""
        return scope(only_servers(credential))

    async def diagnose(self, credential: Credential, session_id: SessionId) -> str | None:
        """See what carries the media of a session, and ask its clients for what they know, which has their addresses:
        keys alone. Returns the one tenant that it reaches; None: all.
        """
        tenant = key_scope(credential)
        await self._tenants.require(credential, session_id)
        return tenant

    async def ask_client(self, credential: Credential, session_id: SessionId, participant_id: ParticipantId) -> Roster:
        """The same, of one who is in an open session now."""
        await self.diagnose(credential, session_id)
        roster = await self._sessions.roster(session_id)
        if roster is None:
            raise session_not_found()
        if still_open(roster).any_seat(participant_id) is None:
            raise participant_not_found()
        return roster

    async def read(self, credential: Credential, session_id: SessionId) -> SessionDocument:
        """See a session and who is in it, closed or not."""
        if isinstance(credential, SeatToken):
            of_session(credential, session_id)
        session = await self._seats.session(session_id)
        if isinstance(credential, SeatToken):
            await self._seats.require(session, credential, closed_too=True)
            return session
        require_reach(credential, session.tenant)
        if isinstance(credential, AccessToken):
            names(credential, session)
        return session

    async def steer(self, credential: Credential, session_id: SessionId) -> None:
        """Change or close a session."""
        match credential:
            case KeyHolder() | Anonymous():
                await self._tenants.require(credential, session_id)
            case AccessToken():
                raise access_token_steers_no_session()
            case SeatToken():
                _, seat = await self._seats.of(credential, session_id, closed_too=True)
                only_moderators(seat)

    async def join(
        self,
        credential: Credential,
        session_id: SessionId,
        role: Role | None,
        subject: str | None = None,
        grants: GrantChanges | None = None,
    ) -> Admission:
        """Take a seat in a role, or come back to one's own; API keys may say whose it is, and what it may do."""
        if subject is not None and not isinstance(credential, KeyHolder):
            raise api_keys_alone_name_identities()
        if grants is not None and not isinstance(credential, KeyHolder | Anonymous):
            raise api_keys_alone_name_grants()
        await self._tenants.require(credential, session_id)
        match credential:
            case KeyHolder(name=name):
                return Admission(role or "publisher", None, grants, identity_of(name, subject))
            case Anonymous():
                return Admission(role or "publisher", grants=grants)
            case AccessToken(role=highest):
                if role is not None and rank(role) > rank(highest):
                    raise role_not_allowed(role)
                if credential.session not in (None, session_id):
                    names(credential, await self._seats.session(session_id))
                who = identity_of(credential.issuer, credential.subject)
                return Admission(role or highest, None, credential.grants, who)
            case SeatToken(participant_id=participant_id):
                _, seat = await self._seats.of(credential, session_id)
                return Admission(seat.role, participant_id)
            case _:
                assert_never(credential)

    async def seat(self, credential: Credential, session_id: SessionId) -> tuple[SessionDocument, Seat]:
        """Negotiate: only who sits there, with the token of that seat."""
        await self._tenants.require(credential, session_id)
        return await self._seats.of(seat_token(credential), session_id)

    def read_mailbox(self, credential: Credential) -> SeatToken:
        """Receive messages: only with the token of a seat; its attachment tells whether there still is one."""
        return seat_token(credential)

    async def read_connection(
        self, credential: Credential, session_id: SessionId, participant_id: ParticipantId | None
    ) -> None:
        """See the state and the answer of a connection: its own participant, and servers."""
        if isinstance(credential, KeyHolder):
            await self._tenants.require(credential, session_id)
            return
        _, seat = await self.seat(credential, session_id)
        if participant_id not in (None, seat.id):
            raise connection_of_another()

    async def stop_connection(
        self, credential: Credential, session_id: SessionId, participant_id: ParticipantId | None
    ) -> ParticipantId | None:
        """End a connection: one's own (the seat), or (None) somebody else's, as a moderator or a server."""
        if isinstance(credential, KeyHolder):
            await self._tenants.require(credential, session_id)
            return None
        _, seat = await self.seat(credential, session_id)
        if participant_id not in (None, seat.id) and not seat.may.moderate:
            raise connection_not_found()
        return seat.id if participant_id in (None, seat.id) else None

    async def signal(self, credential: Credential, session_id: SessionId) -> tuple[Roster, ParticipantId | None]:
        """Send a signal; it comes from the participant whose token it was, or from nobody."""
        token = None if isinstance(credential, KeyHolder) else seat_token(credential)
        if token is not None and token.session_id != session_id:
            raise token_of_another_session()
        roster = await self._sessions.roster(session_id)
        if roster is None:
            raise session_not_found()
        if token is None:
            require_reach(credential, roster.tenant)
            return still_open(roster), None
        await self._seats.require(roster, token)
        return roster, token.participant_id

    async def read_history(
        self, credential: Credential, session_id: SessionId
    ) -> tuple[Roster | None, ParticipantId | None]:
        """Read the chat of a session, closed or not: who sits there, and servers (None), also when it is deleted."""
        if isinstance(credential, KeyHolder):
            await self._tenants.require(credential, session_id)
            return await self._sessions.roster(session_id), None
        token = seat_token(credential)
        of_session(token, session_id)
        roster = await self._sessions.roster(session_id)
        if roster is None:
            raise session_not_found()
        await self._seats.require(roster, token, closed_too=True)
        return roster, token.participant_id

    async def change_seat(
        self, credential: Credential, session_id: SessionId, participant_id: ParticipantId, changes: Mapping[str, Any]
    ) -> bool:
        """Change a seat: one's own but for role and grants, as a moderator others too.

        True: it lets another moderate, and what a participant may give is judged by whoever writes it.
        """
        match credential:
            case KeyHolder() | Anonymous():
                await self._tenants.require(credential, session_id)
            case AccessToken():
                raise access_token_changes_no_participants()
            case SeatToken():
                _, seat = await self._seats.of(credential, session_id)
                if seat.id != participant_id or not changes.keys().isdisjoint(("role", "grants")):
                    only_moderators(seat)
                if seat.id != participant_id:
                    for_another(changes)
                    return lets_moderate(changes)
        return False

    async def presence(self, credential: Credential) -> PresenceScope:
        """See the presence of an identity."""
        match credential:
            case KeyHolder() | Anonymous():
                return PresenceScope(tenant=scope(credential))
            case AccessToken(session=session):
                return PresenceScope(session, scope(credential))
            case SeatToken(session_id=session_id):
                await self._seats.of(credential, session_id)
                return PresenceScope(session_id)

    async def remove_seat(self, credential: Credential, session_id: SessionId, participant_id: ParticipantId) -> bool:
        """Leave (False: also when the seat is gone already), or remove somebody (True)."""
        match credential:
            case KeyHolder():
                await self._tenants.require(credential, session_id)
            case Anonymous():
                raise key_or_participant_token_needed()
            case AccessToken():
                raise access_token_removes_no_participants()
            case SeatToken(session_id=own, participant_id=me) if me == participant_id and own == session_id:
                return False
            case SeatToken():
                _, seat = await self._seats.of(credential, session_id, closed_too=True)
                only_moderators(seat)
        return True
