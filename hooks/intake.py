"""Intake of webhooks: stores a delivery of each event for each endpoint that wants it.

Events are acknowledged when their deliveries are stored. What is given again after a crash is stored once, for ids
derive from endpoint and event.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from callplane.bus.event_ports import EventBus, ReceivedEvent
from callplane.bus.names import WEBHOOKS
from callplane.contracts.events import EVENT_BYTES, EventId, EventText, EventTypeName, EventVersion
from callplane.contracts.model import Wire
from callplane.store.webhook_deliveries import NewDelivery
from callplane.store.webhooks import Webhook
from callplane.telemetry.logs import logger
from hooks.metrics import Metrics
from hooks.stores import Stores

QUEUE = WEBHOOKS
"""The durable queue of all events."""

log = logger("hooks")


class _Head(Wire):
    """What of an event decides who is sent it, and in which order: of any type, for a newer version knows more."""

    id: EventId
    type: EventTypeName
    tenant: EventText | None = None
    sessionid: EventText | None = None
    sessionversion: EventVersion | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """An event, and the very text that is sent."""

    head: _Head
    body: str

    def to(self, webhook: Webhook) -> NewDelivery:
        """On its way to an endpoint."""
        head = self.head
        return NewDelivery(webhook.id, head.id, head.type, head.sessionid or "", head.sessionversion or 0, self.body)


class Intake:
    """One per process; the queue gives its events to one of them at a time, so that they are stored in order."""

    def __init__(self, stores: Stores, metrics: Metrics, stored: Callable[[], None]) -> None:
        self._stores = stores
        self._metrics = metrics
        self._stored = stored
        """Is called when there is something to send."""

    def consuming(self, events: EventBus) -> AbstractAsyncContextManager[None]:
        """Take events for as long as the block runs."""
        return events.consuming(QUEUE, self.take, single=True)

    async def take(self, received: Sequence[ReceivedEvent]) -> None:
        """Store what is to be sent of these. Raises Unavailable and Trouble: they are given again."""
        # Read after the events came: an endpoint that was made before an event was is among them.
        webhooks = await self._stores.webhooks.active()
        read = [event for one in received if (event := self._read(one)) is not None]
        new = [event.to(hook) for event in read for hook in webhooks if hook.wants(event.head.type, event.head.tenant)]
        if new:
            await self._stores.deliveries.add(new, self._stores.clock.now())
            await self._stores.lanes.stored((one.lane, one.webhook_id) for one in new)
            self._metrics.stored(len(new))
            self._stored()

    def _read(self, received: ReceivedEvent) -> _Read | None:
        """None: it is no event that could be stored and sent, and is told of."""
        try:
            if len(received.body) > EVENT_BYTES:
                raise ValueError("too long")
            return _Read(_Head.model_validate_json(received.body), received.body.decode())
        except ValueError as wrong:
            self._metrics.unreadable_event()
            log.error("an event cannot be read", event_id=received.id[:256], why=type(wrong).__name__)
            return None
