"""Webhooks of tenants: what routes ask of endpoints and deliveries, each in an order that a crash cannot spoil."""

import json
from collections.abc import Mapping
from typing import Any

from callplane.contracts.bounds import WEBHOOKS_OF_TENANT
from callplane.contracts.ids import new_id
from callplane.contracts.refusals.webhooks import (
    delivery_not_found,
    webhook_disabled,
    webhook_not_found,
    webhook_secret_not_valid,
    webhook_url_not_valid,
    webhooks_too_many,
)
from callplane.contracts.webhooks import DeliveryId, Hosts, WebhookId, check_secret, check_url, new_secret
from callplane.store.mongo.database import Database, DatabaseClock
from callplane.store.webhook_deliveries import Delivery, NewDelivery, Span, WebhookDeliveries
from callplane.store.webhook_lanes import WebhookLanes
from callplane.store.webhooks import Webhook, Webhooks, WebhookSecret

TEST_TYPE = "webhook-test"
"""Of the event that a tenant has sent to see whether an endpoint takes any; it is about the endpoint."""
REPLAYED_AT_ONCE = 500
SECONDS_BETWEEN = 30.0
"""In which what was announced for a lane is stored: should this process die before it says so, the lane is due then,
and until then no webhook program is done with it.
"""


class Hooks:
    """Of one tenant, or of all (None); what is another's is not there. Each raises Refusal and Unavailable."""

    def __init__(self, database: Database, clock: DatabaseClock, hosts: Hosts, kept_days: int) -> None:
        self._webhooks = Webhooks(database)
        self._deliveries = WebhookDeliveries(database, kept_days)
        self._lanes = WebhookLanes(database)
        self._clock = clock
        self._hosts = hosts

    async def create(
        self, webhook_id: WebhookId, tenant: str, url: str, types: list[str], own: str | None = None
    ) -> tuple[Webhook, bool]:
        """An endpoint with its ``own`` secret or a new one, and whether it is new: a repeat finds what it has made."""
        self._check(url)
        secret = WebhookSecret(id=webhook_id, value=_secret(own))
        full = await self._webhooks.count(tenant) >= WEBHOOKS_OF_TENANT
        if full and await self._webhooks.find(webhook_id, tenant) is None:
            raise webhooks_too_many(WEBHOOKS_OF_TENANT)
        webhook = Webhook(_id=webhook_id, tenant=tenant, url=url, types=types, secrets=[secret])
        created = await self._webhooks.add(webhook)
        return await self.find(webhook_id, tenant), created

    async def find(self, webhook_id: WebhookId, tenant: str | None) -> Webhook:
        """One of theirs."""
        found = await self._webhooks.find(webhook_id, tenant)
        if found is None:
            raise webhook_not_found()
        return found

    async def all(self, tenant: str | None) -> list[Webhook]:
        """All of theirs, the oldest first."""
        return await self._webhooks.all(tenant, WEBHOOKS_OF_TENANT if tenant is not None else 0)

    async def change(self, webhook_id: WebhookId, tenant: str | None, changes: Mapping[str, Any]) -> Webhook:
        """Set what is named; what waited while it was disabled goes on when it is active."""
        if "url" in changes:
            self._check(changes["url"])
        changed = await self._webhooks.change(webhook_id, tenant, changes)
        if changed is None:
            raise webhook_not_found()
        if changes.get("state") == "active":  # said again, it is done again: the first may have been cut off here
            await self._deliveries.renew_lanes(webhook_id)
        return changed

    async def rotate(
        self, webhook_id: WebhookId, tenant: str | None, secret_id: str, overlap: int, own: str | None = None
    ) -> Webhook:
        """Have its ``own`` secret or a new one; the ones of before sign beside it for so many seconds."""
        secret = WebhookSecret(id=secret_id, value=_secret(own))
        changed = await self._webhooks.rotate(webhook_id, tenant, secret, overlap)
        if changed is None:
            raise webhook_not_found()
        return changed

    async def remove(self, webhook_id: WebhookId, tenant: str | None) -> None:
        """With all that waits for it, and all that was sent. What is left by a crash a webhook program takes away."""
        if not await self._webhooks.remove(webhook_id, tenant):
            raise webhook_not_found()
        await self._deliveries.remove_all(webhook_id)
        await self._lanes.remove_all(webhook_id)

    async def test(self, webhook_id: WebhookId, tenant: str | None) -> Delivery:
        """Send an event of type ``webhook-test``, whatever types it wants."""
        webhook = await self.find(webhook_id, tenant)
        if webhook.state == "disabled":
            raise webhook_disabled()
        event_id, now = new_id(), self._clock.now()
        event: dict[str, Any] = {"specversion": "1.0", "id": event_id, "source": f"/v1/webhooks/{webhook_id}"}
        event |= {"type": TEST_TYPE, "time": now.isoformat(), "tenant": webhook.tenant, "data": {}}
        new = NewDelivery(webhook_id, event_id, TEST_TYPE, "", 0, json.dumps(event))
        lane = (new.lane, webhook_id)
        await self._lanes.announce([lane], SECONDS_BETWEEN)
        await self._deliveries.add([new], now)
        await self._lanes.hasten([lane])
        return await self.delivery(webhook_id, tenant, new.id)

    async def delivery(self, webhook_id: WebhookId, tenant: str | None, delivery_id: DeliveryId) -> Delivery:
        """One of an endpoint's."""
        await self.find(webhook_id, tenant)
        found = await self._deliveries.find(webhook_id, delivery_id)
        if found is None:
            raise delivery_not_found()
        return found

    async def deliveries(self, tenant: str | None, span: Span, limit: int) -> list[Delivery]:
        """The first of a span."""
        await self.find(span.webhook_id, tenant)
        return await self._deliveries.page(span, limit)

    async def replay(self, webhook_id: WebhookId, tenant: str | None, delivery_id: DeliveryId) -> Delivery:
        """Send one again, under the same id."""
        found = await self.delivery(webhook_id, tenant, delivery_id)
        await self._replay(webhook_id, [found])
        return await self.delivery(webhook_id, tenant, delivery_id)

    async def replay_span(self, tenant: str | None, span: Span) -> tuple[int, str | None]:
        """Send the first of a span again: how many, and the place to go on behind; None: that was all."""
        found = await self.deliveries(tenant, span, REPLAYED_AT_ONCE)
        await self._replay(span.webhook_id, found)
        return len(found), found[-1].n if len(found) == REPLAYED_AT_ONCE else None

    async def _replay(self, webhook_id: WebhookId, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        lanes = [(lane, webhook_id) for lane in dict.fromkeys(one.lane for one in deliveries)]
        await self._lanes.announce(lanes, SECONDS_BETWEEN)
        await self._deliveries.replay(deliveries, self._clock.now())
        await self._lanes.hasten(lanes)

    def _check(self, url: str) -> None:
        try:
            check_url(url, self._hosts)
        except ValueError as wrong:
            raise webhook_url_not_valid(str(wrong)) from None


def _secret(own: str | None) -> str:
    """The caller's, or a new one."""
    if own is None:
        return new_secret()
    try:
        return check_secret(own)
    except ValueError as wrong:
        raise webhook_secret_not_valid(str(wrong)) from None
