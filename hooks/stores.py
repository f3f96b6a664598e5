"""Stores of the webhook program: what it reads and writes, and the database's time."""

from dataclasses import dataclass

from callplane.store.mongo.database import DatabaseClock
from callplane.store.webhook_deliveries import WebhookDeliveries
from callplane.store.webhook_lanes import WebhookLanes
from callplane.store.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Stores:
    """The repositories, opened."""

    webhooks: Webhooks
    deliveries: WebhookDeliveries
    lanes: WebhookLanes
    clock: DatabaseClock
