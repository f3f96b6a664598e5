"""A span is sent again while events go on: nothing is forgotten, each comes once more, and each round is in order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from api.dispatch.hooks import Hooks
from callplane.contracts.errors import Unavailable
from callplane.contracts.webhooks import WebhookId
from callplane.store.mongo.driver import Collection
from callplane.store.webhook_deliveries import Attempt, Delivery, Span, WebhookDeliveries
from callplane.store.webhook_lanes import Lane, WebhookLanes
from callplane.store.webhooks import Webhook, Webhooks
from testkit.inprocess.hooks import delivery, endpoint, hooks_program, put
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from testkit.servers.until import until
from testkit.servers.webhook_receiver import WebhookReceiver, webhook_receiver

W = WebhookId("w")
DELIVERED = Span(W, ("delivered",))


def routes(store: Repositories) -> Hooks:
    """What the API does for its routes."""
    return Hooks(store.database, store.clock, "loopback", 30)


async def settled(store: Repositories, *versions: int) -> tuple[WebhookDeliveries, WebhookLanes]:
    """An endpoint that has had these versions of one session; no lane is left."""
    deliveries, lanes = WebhookDeliveries(store.database), WebhookLanes(store.database)
    webhook = Webhook(_id=W, tenant="tests", url="http://127.0.0.1/", types=["*"], secrets=[])
    assert await Webhooks(store.database).add(webhook)
    await deliveries.add([delivery(W, "s", version) for version in versions], store.clock.now())
    await store.database["webhook_deliveries"].update_many({}, {"$set": {"state": "delivered"}})
    return deliveries, lanes


async def turn(deliveries: WebhookDeliveries, lanes: WebhookLanes) -> list[int]:
    """What a webhook program does with the lane, once it is due: which places it has sent."""
    await until(lambda: is_due(lanes))
    [due] = await lanes.due(10, ())
    held = await lanes.claim(due)
    assert held is not None
    waiting = await deliveries.next_of(held.id, 20)
    for one in waiting:
        assert await deliveries.settle(one, Attempt(at=one.since, milliseconds=1, status=200), "delivered")
    if not await lanes.finish(held):
        await lanes.leave(held)
    return [one.place for one in waiting]


async def event_of(store: Repositories, deliveries: WebhookDeliveries, lanes: WebhookLanes, version: int) -> None:
    """The next of the session is taken in."""
    new = delivery(W, "s", version)
    await deliveries.add([new], store.clock.now())
    await lanes.stored([(new.lane, W)])


async def is_due(lanes: WebhookLanes) -> bool:
    """Whether anything is."""
    return bool(await lanes.due(10, ()))


@pytest.mark.parametrize("dies", [False, True])
async def test_a_lane_that_is_sent_to_its_end_between_announcement_and_replay_is_not_done_with(
    database: Database, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    """Also where the pod dies behind the replay, before it has said that the lane is due."""
    replay, seen = WebhookDeliveries.replay, list[list[int]]()
    async with repositories(database) as store:
        deliveries, lanes = await settled(store, 1, 2)

        async def meanwhile(self: WebhookDeliveries, again: Sequence[Delivery], now: datetime) -> int:
            await event_of(store, deliveries, lanes, 3)
            seen.append(await turn(deliveries, lanes))
            assert not await is_due(lanes), "and nobody looks at it in vain until then"
            return await replay(self, again, now)

        async def dead(*_: Any) -> None:
            raise Unavailable("for the test")

        monkeypatch.setattr(WebhookDeliveries, "replay", meanwhile)
        if dies:
            monkeypatch.setattr(WebhookLanes, "hasten", dead)
            with pytest.raises(Unavailable):
                await routes(store).replay_span(None, DELIVERED)
            over = store.clock.now() - timedelta(seconds=1)  # what it had announced was for 30 s
            await store.database["webhook_lanes"].update_one({}, {"$set": {"due": over, "announced": over}})
        else:
            assert await routes(store).replay_span(None, DELIVERED) == (2, None)
        seen.append(await turn(deliveries, lanes))
    assert seen == [[3], [1, 2]]
    assert await database.documents("webhook_lanes") == []


async def test_a_lane_that_went_though_it_was_announced_is_there_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod was paused in between, for longer than it had said."""
    monkeypatch.setattr("api.dispatch.hooks.SECONDS_BETWEEN", 0.0)
    replay = WebhookDeliveries.replay
    async with repositories(database) as store:
        deliveries, lanes = await settled(store, 1)

        async def paused(self: WebhookDeliveries, again: Sequence[Delivery], now: datetime) -> int:
            assert await turn(deliveries, lanes) == []
            assert await database.documents("webhook_lanes") == []
            return await replay(self, again, now)

        monkeypatch.setattr(WebhookDeliveries, "replay", paused)
        await routes(store).replay_span(None, DELIVERED)
        assert await turn(deliveries, lanes) == [1]


async def test_an_event_does_not_wait_for_what_was_announced_and_does_for_a_pause(database: Database) -> None:
    async with repositories(database) as store:
        deliveries, lanes = await settled(store, 1)
        lane = delivery(W, "s", 1).lane
        await lanes.announce([(lane, W)], 600)
        assert not await is_due(lanes)
        await event_of(store, deliveries, lanes, 2)
        await until(lambda: is_due(lanes))
        held = await lanes.claim(Lane(_id=lane, webhook_id=W))
        assert held is not None
        await event_of(store, deliveries, lanes, 3)
        assert not await is_due(lanes), "it is held"
        await lanes.put_off(held, 600, failures=1)
        await event_of(store, deliveries, lanes, 4)
        assert not await is_due(lanes), "its receiver has failed just now"


async def test_the_earlier_ones_of_a_lane_are_written_before_the_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other in one command: whoever sends the lane in the middle finds none without those before it."""
    asked, update = list[str](), Collection.update_in_order

    async def seen(self: Collection, updates: Any, **more: Any) -> int:
        asked.extend(where["_id"] for where, _ in updates)
        return await update(self, updates, **more)

    async with repositories(database) as store:
        deliveries, _ = await settled(store, 1, 2, 3, 4)
        again = await deliveries.page(DELIVERED, 4)
        monkeypatch.setattr(Collection, "update_in_order", seen)
        assert await deliveries.replay(again[::-1], store.clock.now()) == 4
        assert await deliveries.replay(again, store.clock.now()) == 0, "they wait already"
    assert asked == 2 * [delivery(W, "s", version).id for version in (1, 2, 3, 4)]


def have_come(receiver: WebhookReceiver, ids: int) -> bool:
    """Whether so many different ones have."""
    return len(receiver.taken_ids) >= ids


async def test_a_span_again_and_again_while_events_go_on(database: Database) -> None:
    sessions, last, rounds = ("a", "b", "c"), 12, 4
    replayed = 0
    async with (
        webhook_receiver(lambda *_: "ok") as receiver,
        hooks_program(database, webhook_seconds=30.0) as program,
        repositories(database) as store,
    ):
        to = await endpoint(program, "w", receiver.url())

        async def live() -> None:
            for version in range(1, last + 1):
                await put(program, [delivery(to, session, version) for session in sessions])
                await receiver.until(partial(have_come, receiver, version * len(sessions)))

        going_on = asyncio.create_task(live())
        for n in range(1, rounds + 1):
            await receiver.until(partial(have_come, receiver, n * 2 * len(sessions)))
            replayed += (await routes(store).replay_span(None, DELIVERED))[0]
        await going_on
        total = last * len(sessions) + replayed
        await receiver.until(lambda: len(receiver.received) >= total)

        async def over() -> bool:
            return not await database.documents("webhook_lanes")

        await until(over, 20)
    assert replayed > 0
    assert len(receiver.received) == total
    times: Counter[str] = Counter()
    came: dict[tuple[str, int], list[int]] = defaultdict(list)
    for one in receiver.received:
        times[one.id] += 1
        came[one.event["subject"], times[one.id]].append(one.event["data"]["version"])
    assert all(versions == sorted(versions) for versions in came.values()), came
