"""Deliveries reach a receiver that misbehaves: each at least once, in order, under one id, none dead too soon."""

import random
from collections import defaultdict
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from testkit.inprocess.hooks import SECRET, delivery, endpoint, hooks_program, put
from testkit.servers.servers import Database
from testkit.servers.until import until
from testkit.servers.webhook_receiver import Behaviour, webhook_receiver

TROUBLES: tuple[Behaviour, ...] = ("error", "busy", "hang", "reset", "redirect", "drip")


def once_each(*behaviours: Behaviour) -> Any:
    """For each event these, one after the other, then 200."""
    seen: dict[tuple[str, str], int] = defaultdict(int)

    def behave(path: str, event_id: str) -> Behaviour:
        n = seen[path, event_id]
        seen[path, event_id] += 1
        return behaviours[n] if n < len(behaviours) else "ok"

    return behave


async def states(database: Database) -> dict[str, str]:
    """Of each event its delivery's state."""
    return {one["event_id"]: one["state"] for one in await database.documents("webhook_deliveries")}


async def test_whatever_a_receiver_does_each_comes_in_order_under_one_id(database: Database) -> None:
    settings = {"webhook_seconds": 0.5}
    async with webhook_receiver(once_each(*TROUBLES)) as receiver, hooks_program(database, **settings) as program:
        receiver.retry_after = "0"
        to = await endpoint(program, "e", receiver.url())
        await put(program, (delivery(to, session, version) for session in ("a", "b") for version in (1, 2)))
        await receiver.until(lambda: len(receiver.taken_ids) == 4)

        async def settled() -> bool:
            return not await database.documents("webhook_lanes")

        await until(settled, 20)
    assert set((await states(database)).values()) == {"delivered"}
    for session in ("a", "b"):
        came = [one.event["data"]["version"] for one in receiver.received if one.event["subject"] == session]
        assert came == sorted(came)
        assert min(came.count(1), came.count(2)) > len(TROUBLES)
    for one in receiver.received:
        assert one.id == one.event["id"]
        Webhook(SECRET).verify(one.body, one.headers)
    # On a machine that is busy enough any attempt may take too long: which ones did not is left open.
    for kept in await database.documents("webhook_deliveries"):
        said = {(one["status"], (one["error"] or "").partition(":")[0]) for one in kept["attempts"]}
        assert (None, "no answer within 0.5 s") in said
        assert (200, "") in said
        assert kept["tries"] == len(kept["attempts"]) > len(TROUBLES)


async def test_one_that_hangs_slows_no_other(database: Database) -> None:
    def behave(path: str, _: str) -> Behaviour:
        return "hang" if path == "/hangs" else "ok"

    settings = {"webhook_seconds": 20.0, "webhook_per_endpoint": 2, "webhook_at_once": 6}
    async with webhook_receiver(behave) as receiver, hooks_program(database, **settings) as program:
        hangs = await endpoint(program, "hangs", receiver.url("/hangs"))
        well = await endpoint(program, "well", receiver.url("/well"))
        await put(program, (delivery(hangs, f"s{n}", 1) for n in range(50)))
        await receiver.until(lambda: len(receiver.received) == 2)
        await put(program, (delivery(well, f"s{n}", 1) for n in range(50)))
        await receiver.until(lambda: len(receiver.taken("/well")) == 50, 15)
        assert len(receiver.received) == 52


async def test_410_disables_and_what_waits_goes_on_when_it_is_active_again(database: Database) -> None:
    behaviours = {"now": "gone"}

    def behave(_path: str, _id: str) -> Any:
        return behaviours["now"]

    async with webhook_receiver(behave) as receiver, hooks_program(database) as program:
        to = await endpoint(program, "e", receiver.url())
        await put(program, [delivery(to, "a", 1), delivery(to, "a", 2)])

        async def disabled() -> bool:
            return not await program.stores.webhooks.active() and not await database.documents("webhook_lanes")

        await until(disabled, 20)
        assert len({one.id for one in receiver.received}) == 1
        behaviours["now"] = "ok"
        assert await program.stores.webhooks.change(to, "tests", {"state": "active"})
        await program.stores.deliveries.renew_lanes(to)
        await receiver.until(lambda: len(receiver.taken()) == 2)
    assert [one.event["data"]["version"] for one in receiver.taken()] == [1, 2]


async def test_dead_when_it_is_older_than_it_may_be_and_sent_again_by_hand(database: Database) -> None:
    behaviours = {"now": "error"}

    def behave(_path: str, _id: str) -> Any:
        return behaviours["now"]

    settings = {"webhook_give_up": 0.3}
    async with webhook_receiver(behave) as receiver, hooks_program(database, **settings) as program:
        to = await endpoint(program, "e", receiver.url())
        await put(program, [delivery(to, "a", 1)])

        async def dead() -> bool:
            return await states(database) == {"a-1": "dead"}

        await until(dead, 20)
        assert b'callplane_webhook_attempt_seconds_count{outcome="dead"} 1.0' in program.metrics.text()
        behaviours["now"] = "ok"
        again = await program.stores.deliveries.find(to, delivery(to, "a", 1).id)
        assert again is not None
        assert await program.stores.deliveries.replay([again], program.stores.clock.now()) == 1
        await program.stores.lanes.stored([(again.lane, to)])
        await receiver.until(lambda: len(receiver.taken()) == 1)
    assert len({one.id for one in receiver.received}) == 1


@pytest.mark.long
async def test_several_share_and_keep_the_order(database: Database) -> None:
    def behave(_path: str, _id: str) -> Behaviour:
        return random.choice(("ok", "ok", "error", "reset"))

    async with webhook_receiver(behave) as receiver, hooks_program(database) as one, hooks_program(database) as two:
        to = await endpoint(one, "e", receiver.url())
        new = [delivery(to, f"s{session}", version) for version in range(1, 5) for session in range(10)]
        for n, program in enumerate((one, two)):
            await put(program, new[n::2])
        await put(two, new)  # what comes twice is stored once
        await receiver.until(lambda: len(receiver.taken_ids) == len(new))
    first: dict[str, list[int]] = defaultdict(list)
    for taken in receiver.taken():
        first[taken.event["subject"]].append(taken.event["data"]["version"])
    assert {tuple(dict.fromkeys(versions)) for versions in first.values()} == {(1, 2, 3, 4)}
