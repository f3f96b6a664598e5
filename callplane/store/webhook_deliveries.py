"""Webhook deliveries: one document for each endpoint and event, with what came of the attempts to send it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from callplane.contracts.ids import derived_id, new_id
from callplane.contracts.model import Wire
from callplane.contracts.webhooks import DeliveryId, WebhookId
from callplane.store.decoding import page, read
from callplane.store.mongo.database import Database, Document

ATTEMPTS_KEPT = 20
DeliveryState = Literal["pending", "delivered", "dead"]
STATES: tuple[DeliveryState, ...] = ("pending", "delivered", "dead")


class Attempt(Wire):
    """One request, and what came of it."""

    at: datetime
    milliseconds: int
    status: int | None = None
    error: str | None = None


class Delivery(Wire):
    """An event on its way to one endpoint."""

    id: DeliveryId = Field(alias="_id")
    webhook_id: WebhookId
    lane: str
    n: str
    """Where it stands in lists: a UUIDv7 of when it was stored."""
    place: int = 0
    """Its order in the lane: the session's version where the event has one."""
    event_id: str
    type: str
    subject: str = ""
    body: str
    """The event as JSON, the very bytes that every attempt sends."""
    state: DeliveryState = "pending"
    tries: int = 0
    attempts: list[Attempt] = Field(default_factory=list)
    at: datetime | None = None
    """When it was stored."""
    since: datetime
    """When it was to be sent first, or anew: what is given up is older than the schedule allows."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What is known of one before it is stored."""

    webhook_id: WebhookId
    event_id: str
    type: str
    subject: str
    place: int
    body: str

    @property
    def id(self) -> DeliveryId:
        """The same for the same endpoint and event: what comes twice is stored once."""
        return DeliveryId(derived_id("webhook", self.webhook_id, self.event_id))

    @property
    def lane(self) -> str:
        """What is sent in order: everything about one subject, to one endpoint."""
        return lane_of(self.webhook_id, self.subject)


def lane_of(webhook_id: WebhookId, subject: str) -> str:
    """The lane's id."""
    return derived_id("lane", webhook_id, subject)


@dataclass(frozen=True, slots=True)
class Span:
    """Deliveries of an endpoint in one of these states, stored from then until then, behind a place in its list."""

    webhook_id: WebhookId
    states: Sequence[DeliveryState] = STATES
    start: datetime | None = None
    end: datetime | None = None
    after: str | None = None
    newest: bool = False
    """Whether the list begins at its end."""

    def filter(self) -> Document:
        """As MongoDB finds them: by the place, which begins with the time."""
        bounds: Document = {}
        if self.start is not None:
            bounds["$gte"] = _first_id(self.start)
        if self.end is not None:
            bounds["$lt"] = _first_id(self.end)
        if self.after is not None:
            bounds["$lt" if self.newest else "$gt"] = self.after
        placed = {"n": bounds} if bounds else {}
        # Said of one alone as such, for which there is an index of its own.
        state = self.states[0] if len(self.states) == 1 else {"$in": list(self.states)}
        return {"webhook_id": self.webhook_id, "state": state, **placed}


class WebhookDeliveries:
    """Stores, reads and settles deliveries; each method raises Unavailable."""

    def __init__(self, database: Database, kept_days: int = 30) -> None:
        self._collection = database["webhook_deliveries"]
        self._kept = timedelta(days=kept_days)

    async def add(self, deliveries: Sequence[NewDelivery], now: datetime) -> None:
        """Store what is not there, in this order, with one command.

        An earlier one of a lane is there before a later one can be found, also when this is cut off in the middle.
        """
        times = {"at": now, "since": now, "expires_at": now + self._kept}
        updates = [({"_id": one.id}, {"$setOnInsert": {**_document(one), **times}}) for one in deliveries]
        if updates:
            await self._collection.update_in_order(updates, upsert=True)

    async def next_of(self, lane: str, limit: int) -> list[Delivery]:
        """What a lane has to send, in order; what cannot be read is passed over, and hides nothing behind it."""
        return await page(Delivery, {"lane": lane, "state": "pending"}, self._collection, order="place", limit=limit)

    async def settle(self, delivery: Delivery, attempt: Attempt, state: DeliveryState) -> bool:
        """Note an attempt and what it made of the delivery; False: somebody else has noted one meanwhile."""
        attempts = {"$each": [attempt.model_dump()], "$slice": -ATTEMPTS_KEPT}
        update = {"$set": {"state": state}, "$inc": {"tries": 1}, "$push": {"attempts": attempts}}
        where = {"_id": delivery.id, "state": "pending", "tries": delivery.tries, "since": delivery.since}
        return (await self._collection.update_one(where, update)).modified_count == 1

    async def find(self, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery | None:
        """One of an endpoint's."""
        found = await self._collection.find_one({"_id": delivery_id, "webhook_id": webhook_id})
        return None if found is None else read(Delivery, found, self._collection)

    async def page(self, span: Span, limit: int) -> list[Delivery]:
        """The first of a span, in the order in which they were stored, or the last of it; fewer: that is all of it."""
        return await page(Delivery, span.filter(), self._collection, order="-n" if span.newest else "n", limit=limit)

    async def replay(self, deliveries: Sequence[Delivery], now: datetime) -> int:
        """Have them sent again, as if they were new, under the ids that they have; how many had been settled.

        In the order of their lanes, one after the other in one command: whoever sends a lane meanwhile finds an
        earlier one before a later one.
        """
        fresh = {"$set": {"state": "pending", "since": now, "expires_at": now + self._kept}}
        ordered = sorted(deliveries, key=lambda one: one.place)
        updates: list[tuple[Document, Document]] = [
            ({"_id": one.id, "state": {"$ne": "pending"}}, fresh) for one in ordered
        ]
        return await self._collection.update_in_order(updates) if updates else 0

    async def remove_all(self, webhook_id: WebhookId) -> None:
        """Forget all of an endpoint's."""
        await self._collection.delete_many({"webhook_id": webhook_id})

    async def renew_lanes(self, webhook_id: WebhookId) -> None:
        """Have a lane again wherever an endpoint has something to send: it was disabled, and its lanes are gone.

        What waited is to be sent first from now on: else one failure were its death where that was days ago.
        One that is still there counts this as stored: who holds it has found the endpoint disabled, and would end it.
        """
        waiting = {"webhook_id": webhook_id, "state": "pending"}
        kept = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": int(self._kept.total_seconds())}}
        await self._collection.update_many(waiting, [{"$set": {"since": "$$NOW", "expires_at": kept}}])
        counted = {"$set": {"stored": {"$add": [{"$ifNull": ["$stored", 0]}, 1]}}}
        lane = {"_id": "$lane", "webhook_id": {"$first": "$webhook_id"}}
        await self._collection.aggregate(
            [
                {"$match": waiting},
                {"$group": lane},
                {"$set": {"due": "$$NOW", "since": "$$NOW", "stored": 1}},
                {"$merge": {"into": "webhook_lanes", "whenMatched": [counted]}},
            ]
        )


def _document(one: NewDelivery) -> Document:
    return {
        "webhook_id": one.webhook_id,
        "lane": one.lane,
        "n": new_id(),
        "place": one.place,
        "event_id": one.event_id,
        "type": one.type,
        "subject": one.subject,
        "body": one.body,
        "state": "pending",
        "tries": 0,
        "attempts": [],
    }


def _first_id(at: datetime) -> str:
    """The least of the UUIDv7s that are made in that millisecond."""
    digits = f"{max(0, int(at.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"
