"""Tenants: whose sessions a credential reaches, and of which tenant a session is (decision 12)."""

from dataclasses import dataclass

from api.auth.credentials import OPEN_ACCESS, Anonymous, Credential, KeyHolder
from api.auth.tokens import AccessToken, SeatToken
from callplane.contracts.ids import SessionId
from callplane.contracts.refusals.callers import api_key_hooks, api_key_needed
from callplane.contracts.refusals.operators import tenant_not_found
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.tenancy import Tenancy, Tenant

SESSIONS_KEPT = 20_000
"""Tenants of sessions that are remembered: they never change, and most calls of a key are about a few sessions."""


class Tenants:
    """Refuses what is another tenant's as if it were not there."""

    def __init__(self, stored: Tenancy) -> None:
        self._stored = stored
        self._known: dict[SessionId, str | None] = {}

    async def require(self, credential: Credential, session_id: SessionId) -> None:
        """Go on only with a session that the credential reaches. Raises Refusal ``not-found``, and Unavailable.

        Whose credential reaches all asks nothing, and of a session that is not there others tell.
        """
        if scope(credential) is None:
            return
        found = await self.of(session_id)
        if found is None:
            raise session_not_found()
        require_reach(credential, found.tenant)

    async def of(self, session_id: SessionId) -> Tenant | None:
        """The tenant of a session; None: there is none of this id, and nothing is kept of one. Raises Unavailable."""
        if session_id not in self._known:
            found = await self._stored.of_session(session_id)
            if found is None:
                return None
            self._known[session_id] = found.tenant
            while len(self._known) > SESSIONS_KEPT:
                del self._known[next(iter(self._known))]
        return Tenant(tenant=self._known[session_id])


def require_reach(credential: Credential, tenant: str | None) -> None:
    """Go on only with what is of a tenant that the credential reaches. Raises Refusal ``not-found``."""
    bound = scope(credential)
    if bound is not None and tenant is not None and tenant != bound:
        raise session_not_found()


def scope(credential: Credential) -> str | None:
    """The one tenant whose sessions it reaches; None: all, for operators, and seats have their session in the token."""
    match credential:
        case KeyHolder(is_operator=True) | Anonymous() | SeatToken():
            return None
        case KeyHolder(tenant=tenant) | AccessToken(tenant=tenant):
            return tenant


def own_tenant(credential: KeyHolder | AccessToken | Anonymous) -> str:
    """That of what it makes, whatever else it reaches."""
    return OPEN_ACCESS if isinstance(credential, Anonymous) else credential.tenant


def key_scope(credential: Credential) -> str | None:
    """The same, for API keys alone. Raises Refusal."""
    match credential:
        case KeyHolder():
            return scope(credential)
        case Anonymous():
            raise api_key_needed("unauthorized")
        case AccessToken() | SeatToken():
            raise api_key_needed("forbidden")


def require_own(credential: Credential, tenant: str) -> None:
    """Go on only with the tenant of the key, or as an operator. Raises Refusal."""
    if key_scope(credential) not in (None, tenant):
        raise tenant_not_found()


@dataclass(frozen=True, slots=True)
class HookScope:
    """Whose webhooks somebody makes, and whose it reaches; None: all tenants'."""

    own: str
    reach: str | None


def hook_scope(credential: Credential) -> HookScope:
    """Webhooks are of a tenant's servers. Raises Refusal."""
    match credential:
        case KeyHolder(tenant=tenant):
            return HookScope(tenant, scope(credential))
        case Anonymous():
            return HookScope(OPEN_ACCESS, OPEN_ACCESS)
        case AccessToken() | SeatToken():
            raise api_key_hooks()
