"""Lane runs: sends what one lane has, in order, and says when the lane is to be looked at again."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.webhook_deliveries import Attempt, Delivery, DeliveryState
from callplane.store.webhook_lanes import Lane
from callplane.store.webhooks import Webhook
from callplane.telemetry.logs import logger
from hooks.bulkheads import Bulkheads
from hooks.metrics import Metrics
from hooks.schedule import Schedule
from hooks.sender import Outcome
from hooks.signatures import signed_headers
from hooks.stores import Stores

AT_ONCE = 20
"""Deliveries read at a time; a lane with more gets its next turn behind the others."""
LOOK_SECONDS = 1.0
"""How old what is known of an endpoint may be when an attempt begins: it may have been disabled, moved or rotated."""
RETURN_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to give a lane back after the database was away."""

log = logger("hooks")


class Sends(Protocol):
    """Makes one attempt."""

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """What came of it."""
        ...


class LaneRuns:
    """Works on lanes, each for as long as it is held.

    A process that is paused here and wakes finds its claim gone: it sends nothing more, and what it notes is refused.
    What it was sending at that moment may arrive a second time, under the same id.
    """

    def __init__(
        self, stores: Stores, sender: Sends, schedule: Schedule, bulkheads: Bulkheads, metrics: Metrics
    ) -> None:
        self._stores = stores
        self._sender = sender
        self._schedule = schedule
        self._bulkheads = bulkheads
        self._metrics = metrics
        self._held: dict[str, Lane] = {}
        """Lanes that are ours now, by their ids."""
        self._stopping = False

    async def run(self, found: Lane) -> None:
        """Claim it, send what it has, and give it back. Raises Unavailable: its lease ends by itself."""
        asked = asyncio.get_running_loop().time()
        lane = await self._stores.lanes.claim(found)
        if lane is None:
            return
        self._held[lane.id] = lane
        try:
            await self._work(lane, _Lease(asked, self._stores.lanes.lease_seconds))
        except (Unavailable, Trouble):
            await self._give_back(lane)
            raise
        finally:
            if not self._stopping:
                self._held.pop(lane.id, None)

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopping = True

    async def release(self) -> None:
        """Others need not wait for the leases of what was cut off. Raises Unavailable."""
        await self._stores.lanes.give_back(self._held.values())

    async def _work(self, lane: Lane, lease: "_Lease") -> None:
        webhook = await self._endpoint(lane)
        if webhook is None:
            return
        waiting = await self._stores.deliveries.next_of(lane.id, AT_ONCE)
        if not await self._send_all(webhook, lane, waiting, lease):
            return
        if len(waiting) == AT_ONCE:
            await self._stores.lanes.put_off(lane, 0, 0)
        else:
            await self._done_with(lane)

    async def _endpoint(self, lane: Lane) -> Webhook | None:
        """Where it goes now; None: nowhere, and the lane is done with."""
        webhook = await self._stores.webhooks.find(lane.webhook_id, None)
        if webhook is None:
            await self._stores.deliveries.remove_all(lane.webhook_id)
        if webhook is None or webhook.state == "disabled":
            await self._done_with(lane)  # its deliveries wait until it is active again
            return None
        return webhook

    async def _done_with(self, lane: Lane) -> None:
        """It goes, or is looked at again for what was stored or announced meanwhile."""
        if not await self._stores.lanes.finish(lane):
            await self._stores.lanes.leave(lane)

    async def _give_back(self, lane: Lane) -> None:
        """As soon as the database is there again; else its lease ends by itself."""
        for pause in RETURN_SECONDS:
            await asyncio.sleep(pause)
            with suppress(Unavailable, Trouble):
                await self._stores.lanes.put_off(lane, 0, lane.failures)
                return

    async def _send_all(self, webhook: Webhook, lane: Lane, waiting: list[Delivery], lease: "_Lease") -> bool:
        """Whether all of it is settled; if not, the lane is given back until the next attempt."""
        failures, clock = lane.failures, asyncio.get_running_loop().time
        looked = clock()
        for delivery in waiting:
            if self._stopping:
                await self._stores.lanes.put_off(lane, 0, failures)
                return False
            if not await self._still_ours(lane, lease):
                return False
            if clock() - looked > LOOK_SECONDS:
                looked = clock()
                if (now := await self._endpoint(lane)) is None:
                    return False
                webhook = now
            outcome, attempt = await self._attempt(webhook, delivery)
            state = self._state(delivery, outcome)
            noted = await self._stores.deliveries.settle(delivery, attempt, state)
            # Somebody else has had its turn meanwhile: what became of the delivery is theirs to say.
            self._told(webhook, delivery, state if noted or state != "dead" else "pending", attempt)
            if outcome.is_gone:
                await self._disable(webhook, lane)
                return False
            failures = 0 if outcome.is_taken else failures + 1
            if state == "pending":
                await self._stores.lanes.put_off(lane, self._pause(outcome, failures), failures)
                return False
        return True

    async def _still_ours(self, lane: Lane, lease: "_Lease") -> bool:
        """Whether an attempt may begin now: by our clock when the lease is young, else by the database's word."""
        now = asyncio.get_running_loop().time()
        if now < lease.asked + lease.seconds / 2:
            return True
        if not await self._stores.lanes.renew(lane):
            return False
        lease.asked = now
        return asyncio.get_running_loop().time() < now + lease.seconds / 2

    async def _attempt(self, webhook: Webhook, delivery: Delivery) -> tuple[Outcome, Attempt]:
        clock, began, at = asyncio.get_running_loop().time, asyncio.get_running_loop().time(), self._now()
        body = delivery.body.encode()
        headers = signed_headers(delivery.event_id, int(at.timestamp()), body, webhook.valid_secrets(at))
        outcome = await self._sender.send(webhook.url, body, headers)
        self._bulkheads.answered(webhook.id, outcome.status)
        took = clock() - began
        return outcome, Attempt(at=at, milliseconds=int(took * 1000), status=outcome.status, error=outcome.error)

    def _state(self, delivery: Delivery, outcome: Outcome) -> DeliveryState:
        if outcome.is_taken:
            return "delivered"
        return "dead" if self._schedule.is_over(delivery.since, self._now()) and not outcome.is_gone else "pending"

    def _pause(self, outcome: Outcome, failures: int) -> float:
        """What the receiver asks for goes before our own schedule, within its longest pause."""
        if outcome.retry_after is not None and outcome.status in (429, 503):
            # Not at once, whatever it says: a receiver that always says 0 would be asked without end.
            return min(max(outcome.retry_after, min(1.0, self._schedule.first)), self._schedule.longest)
        return self._schedule.pause(failures)

    async def _disable(self, webhook: Webhook, lane: Lane) -> None:
        if await self._stores.webhooks.disable(webhook, "gone"):
            self._metrics.disabled()
            log.warning("a webhook answered 410 and is disabled", webhook=webhook.id)
        await self._stores.lanes.put_off(lane, 0, 0)  # whose next holder finds it disabled

    def _told(self, webhook: Webhook, delivery: Delivery, state: DeliveryState, attempt: Attempt) -> None:
        self._metrics.attempted("failed" if state == "pending" else state, attempt.milliseconds / 1000)
        if state == "dead":
            log.error(
                "a webhook delivery is dead",
                webhook=webhook.id,
                delivery=delivery.id,
                status=attempt.status,
                why=attempt.error,
            )

    def _now(self) -> datetime:
        return self._stores.clock.now()


@dataclass(slots=True)
class _Lease:
    """When the lease that is held was asked for, by the event loop's clock, and for how long."""

    asked: float
    seconds: float
