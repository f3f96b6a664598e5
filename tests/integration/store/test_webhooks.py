"""Webhook lanes and deliveries: one holder at a time, whoever wakes too late, and plans that read what they return."""

from datetime import timedelta
from typing import Any

from callplane.contracts.webhooks import WebhookId
from callplane.store.webhook_deliveries import Attempt, Delivery, NewDelivery, Span, WebhookDeliveries
from callplane.store.webhook_lanes import WebhookLanes
from callplane.store.webhooks import Webhooks
from testkit.inprocess.hooks import delivery
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from tests.integration.store.test_plans import costly, profiled

W = WebhookId("w")


async def stored(store: Repositories, *new: NewDelivery) -> WebhookDeliveries:
    """These are stored, as often as they come."""
    deliveries = WebhookDeliveries(store.database)
    await deliveries.add(new, store.clock.now())
    await WebhookLanes(store.database).stored((one.lane, one.webhook_id) for one in new)
    return deliveries


async def test_a_holder_that_wakes_too_late_does_no_harm(database: Database) -> None:
    async with repositories(database) as store:
        deliveries = await stored(store, delivery(W, "s", 1), delivery(W, "s", 2))
        lanes = WebhookLanes(store.database)
        [due] = await lanes.due(10, ())
        paused = await lanes.claim(due)
        assert paused is not None
        assert await WebhookLanes(store.database).claim(due) is None, "it is held"

        over = store.clock.now() - timedelta(seconds=1)
        await store.database["webhook_lanes"].update_one({"_id": due.id}, {"$set": {"due": over}})
        awake = await WebhookLanes(store.database).claim(due)
        assert awake is not None
        [first, second] = await deliveries.next_of(due.id, 10)
        attempt = Attempt(at=store.clock.now(), milliseconds=1, status=200)
        assert await deliveries.settle(first, attempt, "delivered")
        # The paused one goes on where it was.
        assert not await deliveries.settle(first, attempt, "dead")
        assert not await lanes.renew(paused)
        assert not await lanes.put_off(paused, 0, 3)
        assert not await lanes.finish(paused)
        assert await lanes.due(10, ()) == []
        await deliveries.settle(second, attempt, "delivered")
        assert await lanes.finish(awake)
    assert {one["state"] for one in await database.documents("webhook_deliveries")} == {"delivered"}


async def test_what_is_stored_while_a_lane_is_worked_on_keeps_it(database: Database) -> None:
    async with repositories(database) as store:
        await stored(store, delivery(W, "s", 1))
        lanes = WebhookLanes(store.database)
        [due] = await lanes.due(10, ())
        held = await lanes.claim(due)
        assert held is not None
        await stored(store, delivery(W, "s", 1))
        assert not await lanes.finish(held)
        assert await lanes.put_off(held, 0, 0)
        assert [one.stored for one in await lanes.due(10, ())] == [2]


async def test_an_endpoint_made_active_while_a_holder_ends_its_lane_has_it_still(database: Database) -> None:
    async with repositories(database) as store:
        deliveries = await stored(store, delivery(W, "s", 1))
        lanes = WebhookLanes(store.database)
        [due] = await lanes.due(10, ())
        held = await lanes.claim(due)
        assert held is not None
        # The holder has found the endpoint disabled, and is paused there; then it is made active.
        await deliveries.renew_lanes(W)
        assert not await lanes.finish(held)
    assert [one["_id"] for one in await database.documents("webhook_lanes")] == [due.id]


async def test_what_cannot_be_read_hides_nothing_behind_it(database: Database) -> None:
    async with repositories(database) as store:
        new = delivery(W, "s", 9)
        deliveries = await stored(store, new)
        lanes, now = WebhookLanes(store.database), store.clock.now()
        pending = {"webhook_id": W, "lane": new.lane, "state": "pending"}
        many = [{"_id": f"d{n}", "place": n, "n": f"0000{n}", **pending} for n in range(3)]
        await database.write("webhook_deliveries", *many)
        far = now.replace(year=now.year - 1)
        await database.write("webhook_lanes", *({"_id": f"l{n}", "due": far, "since": far} for n in range(3)))
        assert [one.id for one in await deliveries.next_of(new.lane, 2)] == [new.id]
        assert [one.id for one in await deliveries.page(Span(W), 2)] == [new.id]
        assert [one.id for one in await lanes.due(2, ())] == [new.lane]


async def test_what_waited_at_a_disabled_endpoint_has_its_whole_time_when_it_is_active(database: Database) -> None:
    async with repositories(database) as store:
        deliveries, now = WebhookDeliveries(store.database), store.clock.now()
        await deliveries.add([delivery(W, "s", 1)], now - timedelta(days=20))
        await deliveries.renew_lanes(W)
        [one] = await deliveries.page(Span(W), 10)
        assert one.at is not None
        assert one.since - one.at > timedelta(days=19)
    [kept] = await database.documents("webhook_deliveries")
    assert timedelta(days=29) < kept["expires_at"] - kept["since"] < timedelta(days=31)


async def test_it_is_stored_once_and_in_order_and_goes_in_time(database: Database) -> None:
    async with repositories(database) as store:
        new = [delivery(W, "s", version) for version in (3, 1, 2)]
        deliveries = await stored(store, *new)
        await stored(store, *new)
        [lane] = {one.lane for one in new}
        assert [one.place for one in await deliveries.next_of(lane, 10)] == [1, 2, 3]
        assert sorted(one.place for one in await deliveries.page(Span(W), 10)) == [1, 2, 3]
    for one in await database.documents("webhook_deliveries"):
        assert (one["expires_at"] - one["at"]).days == 30


async def test_plans(database: Database) -> None:
    async with profiled(database) as (store, raw):
        await raw["webhooks"].insert_many({"_id": f"w{n}", "tenant": f"t{n}", "state": "disabled"} for n in range(400))
        now = store.clock.now()
        many = [_crowded(n, now) for n in range(400)]
        await raw["webhook_deliveries"].insert_many(many)
        far = now.replace(year=now.year + 1)
        await raw["webhook_lanes"].insert_many(
            {"_id": f"l{n}", "webhook_id": f"w{n % 3}", "due": far, "since": now} for n in range(400)
        )
        deliveries = await stored(store, delivery(W, "s", 1))
        lanes, webhooks = WebhookLanes(store.database), Webhooks(store.database)
        [due] = await lanes.due(64, [WebhookId("w0")])
        assert (await lanes.oldest()) is not None
        [one] = await deliveries.next_of(due.id, 20)
        assert await deliveries.page(Span(W, ("pending",), now.replace(year=2020)), 10) == [one]
        assert await deliveries.page(Span(WebhookId("w0"), ("dead",)), 10) == []
        assert await webhooks.active() == []
        assert await webhooks.all("t7", 50) == []
        assert await webhooks.count("nobody") == 0
        await deliveries.renew_lanes(W)
        await lanes.remove_all(W)
        await deliveries.remove_all(W)
        assert await costly(raw) == []


def _crowded(n: int, now: Any) -> dict[str, Any]:
    new = delivery(WebhookId(f"w{n % 3}"), f"s{n}", n)
    known = {"_id": new.id, "webhook_id": new.webhook_id, "lane": new.lane, "n": f"{n:08x}", "place": n}
    one = Delivery(**known, event_id=new.event_id, type="t", body=new.body, state="delivered", since=now)
    return {**one.model_dump(by_alias=True), "expires_at": now.replace(year=now.year + 1)}
