"""Overview: how much is open, counted where it lies, and whose session is in trouble just now."""

import time
from datetime import datetime
from typing import Any

from callplane.contracts.operations import OverviewRow, OverviewView
from callplane.store.mongo.database import Database, Document
from callplane.store.projections import listed
from callplane.store.shared_reads import SharedReads
from callplane.store.tenancy import of_tenant

KEPT_SECONDS = 2.0
"""For how long what was counted is told again: counting reads every open session, inside MongoDB."""

ROWS = 20
"""How many sessions are named at most, of either kind."""

_TENANTS = 100
"""For how many tenants it is kept at once."""

_STREAMS = {"$size": listed("streams")}
_PEOPLE = {"$size": listed("participants")}
_AWAY = {"$filter": {"input": listed("participants"), "as": "one", "cond": {"$eq": ["$$one.state", "reconnecting"]}}}
_ROW: Document = {"custom_id": 1, "epoch": 1, "created_at": 1, "people": _PEOPLE, "reconnecting": {"$size": _AWAY}}
_IS_MOVED = {"$and": [{"$isNumber": "$epoch"}, {"$gt": ["$epoch", 1]}]}
_MOVED = {"$cond": [_IS_MOVED, {"epoch": "$epoch", "id": "$_id"}, "$$REMOVE"]}
_TOTALS: Document = {
    "_id": None,
    "sessions": {"$sum": 1},
    "people": {"$sum": _PEOPLE},
    "streams": {"$sum": _STREAMS},
    "moved": {"$sum": {"$cond": [_IS_MOVED, 1, 0]}},
    "most_moved": {"$maxN": {"input": _MOVED, "n": ROWS}},
}


class Overview:
    """Counts what a tenant has open; who asks within ``KEPT_SECONDS`` of another is told the same."""

    def __init__(self, database: Database) -> None:
        self._sessions = database["sessions"]
        self._reads: SharedReads[str | None, OverviewView] = SharedReads(self._read)
        self._kept: dict[str | None, tuple[float, OverviewView]] = {}
        """By tenant: when it was counted, by the monotonic clock, and what."""

    async def of(self, tenant: str | None) -> OverviewView:
        """What this tenant's keys reach; None: all there is. Raises Unavailable."""
        return self._fresh(tenant) or await self._reads(tenant)

    def _fresh(self, tenant: str | None) -> OverviewView | None:
        at, view = self._kept.get(tenant, (0.0, None))
        return view if time.monotonic() - at < KEPT_SECONDS else None

    async def _read(self, tenant: str | None) -> OverviewView:
        began = time.monotonic()
        of_it: Document = {"status": "open", **of_tenant(tenant)}
        found = await self._sessions.aggregate([{"$match": of_it}, {"$group": _TOTALS}])
        totals = found[0] if found else {}
        moved = [one["id"] for one in totals.get("most_moved", []) if isinstance(one["id"], str)]
        view = OverviewView(
            **{name: totals.get(name, 0) for name in ("sessions", "people", "streams", "moved")},
            reconnecting=await self._rows({**of_it, "participants.state": "reconnecting"}),
            most_moved=await self._rows({**of_it, "_id": {"$in": moved}}) if moved else [],
        )
        if len(self._kept) >= _TENANTS:
            self._kept.clear()
        self._kept[tenant] = began, view
        return view

    async def _rows(self, where: Document) -> list[OverviewRow]:
        found = await self._sessions.aggregate([{"$match": where}, {"$limit": ROWS}, {"$project": _ROW}])
        return [_row(one) for one in found if isinstance(one["_id"], str)]


def _row(found: dict[str, Any]) -> OverviewRow:
    # What is no text, number or time there is another program's, and of no use to who looks.
    custom_id, epoch, made = found.get("custom_id"), found.get("epoch"), found.get("created_at")
    return OverviewRow(
        id=found["_id"],
        custom_id=custom_id if isinstance(custom_id, str) else None,
        epoch=epoch if isinstance(epoch, int) else 0,
        people=found["people"],
        reconnecting=found["reconnecting"],
        created_at=made if isinstance(made, datetime) else None,
    )
