"""Webhook lanes: what is sent in order, one subject to one endpoint; held by one program at a time, in database time.

A lane is there while it has something to send. ``due`` says when somebody is to look at it: at once, after a pause, or
when the lease of whoever holds it is over. What is stored before its lane is touched is announced first: ``announced``
says until when the lane stays though it has nothing.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import Field
from pymongo import ReturnDocument

from callplane.contracts.ids import new_id
from callplane.contracts.model import Wire
from callplane.contracts.webhooks import WebhookId
from callplane.store.decoding import page, read
from callplane.store.filters import is_due
from callplane.store.mongo.database import Database, Document

LEASE_SECONDS = 40


class Lane(Wire):
    """A lane as last read."""

    id: str = Field(alias="_id")
    webhook_id: WebhookId
    stored: int = 0
    """How often something was stored for it: unchanged, nothing was."""
    failures: int = 0
    """Attempts in a row that failed."""
    claim: str | None = None
    """Whose it is: a new one for each time that it was taken."""


class WebhookLanes:
    """Each method is one update, whose filter is the guard; each raises Unavailable."""

    def __init__(self, database: Database, lease_seconds: float = LEASE_SECONDS) -> None:
        self._collection = database["webhook_lanes"]
        self.lease_seconds = lease_seconds

    async def announce(self, lanes: Iterable[tuple[str, WebhookId]], seconds: float) -> None:
        """Something will be stored for these within ``seconds``: until then none of them is done with."""
        until = _later(seconds)
        await self._touch(lanes, {"due": {"$ifNull": ["$due", until]}, "announced": {"$max": ["$announced", until]}})

    async def stored(self, lanes: Iterable[tuple[str, WebhookId]]) -> None:
        """Something was stored for these: they are due, but for those that are held or wait after a failure."""
        soon = {"$min": ["$due", "$$NOW"]}
        await self._touch(lanes, {"due": {"$cond": [{"$or": ["$claim", "$failures"]}, "$due", soon]}})

    async def hasten(self, lanes: Iterable[tuple[str, WebhookId]]) -> None:
        """What was announced is stored: they are due, whatever they wait for; one that is held stays its holder's."""
        due = {"$cond": ["$claim", "$due", "$$NOW"]}
        failures = {"$cond": ["$claim", {"$ifNull": ["$failures", 0]}, 0]}
        await self._touch(lanes, {"due": due, "failures": failures, "announced": "$$REMOVE"})

    async def due(self, limit: int, without: Collection[WebhookId]) -> list[Lane]:
        """Those that are due, the longest first, but for these endpoints'."""
        others: Document = {"webhook_id": {"$nin": list(without)}} if without else {}
        return await page(Lane, {**is_due(), **others}, self._collection, order="due", limit=limit)

    async def claim(self, lane: Lane) -> Lane | None:
        """Have it for a lease; None: somebody else does, or it is gone."""
        taken = {"claim": new_id(), "due": _later(self.lease_seconds)}
        found = await self._collection.find_one_and_update(
            {"_id": lane.id, **is_due()}, [{"$set": taken}], return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(Lane, found, self._collection)

    async def renew(self, lane: Lane) -> bool:
        """Have it for another lease; False: it is not ours any more."""
        return await self._change(lane, {"due": _later(self.lease_seconds)})

    async def put_off(self, lane: Lane, seconds: float, failures: int) -> bool:
        """Give it back until then; False: it was not ours any more. Whoever got on begins the time of a new wait."""
        since: Document = {} if failures else {"since": "$$NOW"}
        return await self._change(lane, {"due": _later(seconds), "failures": failures, "claim": "$$REMOVE", **since})

    async def give_back(self, lanes: Iterable[Lane]) -> None:
        """Due now, those of them that are still ours: this program ends."""
        ours = [{"_id": lane.id, "claim": lane.claim} for lane in lanes]
        if ours:
            await self._collection.update_many({"$or": ours}, [{"$set": {"due": "$$NOW", "claim": "$$REMOVE"}}])

    async def finish(self, lane: Lane) -> bool:
        """Nothing is left to send: it goes; False: something was stored or announced, or it is not ours."""
        unannounced = {"$expr": {"$not": {"$gt": ["$announced", "$$NOW"]}}}
        known: Document = {"_id": lane.id, "claim": lane.claim, "stored": lane.stored}
        return (await self._collection.delete_one({**known, **unannounced})).deleted_count == 1

    async def leave(self, lane: Lane) -> bool:
        """Give back one that could not be finished: due now for what was stored, or when what is announced is there."""
        announced = {"$max": ["$$NOW", "$announced"]}
        due = {"$cond": [{"$eq": ["$stored", lane.stored]}, announced, "$$NOW"]}
        return await self._change(lane, {"due": due, "failures": 0, "claim": "$$REMOVE", "since": "$$NOW"})

    async def remove_all(self, webhook_id: WebhookId) -> None:
        """Of an endpoint that is gone."""
        await self._collection.delete_many({"webhook_id": webhook_id})

    async def oldest(self) -> datetime | None:
        """Since when the lane has had something to send that has had it the longest."""
        found = await self._collection.find({}, {"since": 1}).sort("since", 1).limit(1).to_list()
        since = found[0].get("since") if found else None
        return since if isinstance(since, datetime) else None

    async def _touch(self, lanes: Iterable[tuple[str, WebhookId]], fields: Document) -> None:
        """Have each, and count it as stored for: who holds it and has found nothing looks again."""
        updates = [({"_id": lane}, [{"$set": {**_seen(webhook), **fields}}]) for lane, webhook in dict(lanes).items()]
        if updates:
            await self._collection.update_each(updates, upsert=True)

    async def _change(self, lane: Lane, fields: Document) -> bool:
        update = [{"$set": fields}]
        return (await self._collection.update_one({"_id": lane.id, "claim": lane.claim}, update)).matched_count == 1


def _seen(webhook_id: WebhookId) -> Document:
    return {
        "webhook_id": {"$literal": webhook_id},
        "stored": {"$add": [{"$ifNull": ["$stored", 0]}, 1]},
        "since": {"$ifNull": ["$since", "$$NOW"]},
    }


def _later(seconds: float) -> Document:
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(seconds * 1000)}}
