"""Tenancy: of which tenant a session is, and the filters by which one tenant's are found (decision 12)."""

from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire
from callplane.store.mongo.database import Database, Document


class Tenant(Wire):
    """Of a session; null for one of before there were tenants, which is every key's, as it was then."""

    tenant: str | None = None


class Tenancy:
    """Reads the tenants of sessions, and of the history of those that are deleted; each raises Unavailable."""

    def __init__(self, database: Database, messages: Database | None = None) -> None:
        self._sessions = database["sessions"]
        self._history = (messages or database)["history"]

    async def of_session(self, session_id: SessionId) -> Tenant | None:
        """None: there is no such session, and nothing is kept of one."""
        found = await self._sessions.find_one({"_id": session_id}, {"tenant": 1})
        if found is not None:
            return _read(found.get("tenant"))
        kept = await self._history.find_one({"s": session_id}, {"t": 1})
        return None if kept is None else _read(kept.get("t"))


def of_tenant(tenant: str | None) -> Document:
    """A filter: sessions that this tenant's keys reach, those without one among them; None: all."""
    return {} if tenant is None else {"tenant": {"$in": [tenant, None]}}


def _read(stored: object) -> Tenant:
    return Tenant(tenant=stored if isinstance(stored, str) else None)
