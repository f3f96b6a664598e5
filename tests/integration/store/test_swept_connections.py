"""Swept connections on a real mongod: one update ends what belongs together, and nothing else."""

from datetime import timedelta

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.store.connections import SWEPT_SECONDS, Wanted
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

S, T = SessionId("s"), SessionId("t")
ANN, BO = ParticipantId("ann"), ParticipantId("bo")


async def connected(store: Repositories) -> None:
    """Ann has one of epoch 1, one of epoch 2, and an offer at work; Bo and another session have one each of epoch 2."""
    for id_, session, participant, epoch, ready in (
        ("old", S, ANN, 1, True),
        ("new", S, ANN, 2, True),
        ("at-work", S, ANN, 2, False),
        ("bo's", S, BO, 2, True),
        ("elsewhere", T, ANN, 2, True),
    ):
        made = ConnectionId(id_)
        await store.connections.offer(Wanted(made, session, participant, "publish"))
        claimed = await store.connections.claim(made, epoch, "w", ["w"])
        assert claimed is not None
        if ready:
            assert await store.connections.commit(claimed, "w", MediaRef("a", f"pipe/{id_}"), "v=0") is not None


async def states(store: Repositories) -> dict[str, str]:
    """What has become of each."""
    raw = store.database["connections"]
    found = [one async for one in raw.find({})]
    assert {one["_id"]: one["outbox"] for one in found if one["outbox"]} == {}, "what ended them was told"
    assert all(one["state"] != "released" or "claim" not in one for one in found)
    return {one["_id"]: one["state"] for one in found if one["state"] != "ready"}


async def test_those_of_a_seat_go_and_are_found_by_whoever_does_it_again(database: Database) -> None:
    async with repositories(database) as store:
        await connected(store)
        swept = await store.connections.release_of_seat(S, ANN)
        assert {one.id: one.endpoint is not None for one in swept} == {"old": True, "new": True, "at-work": False}
        assert await states(store) == dict.fromkeys(("old", "new", "at-work"), "released")
        assert await store.connections.release_of_seat(S, ANN) == swept, "of an attempt that died in between"
        named = [one.endpoint for one in swept if one.endpoint is not None]
        assert await store.connections.endpoints_among(named) == set(named), "no orphans while that is done"
        past = store.clock.now() - timedelta(seconds=SWEPT_SECONDS)
        await store.database["connections"].update_many({"reason": "swept"}, {"$set": {"since": past}})
        assert await store.connections.endpoints_among(named) == set()


async def test_of_a_seat_only_what_went_with_it_is_found(database: Database) -> None:
    async with repositories(database) as store:
        await connected(store)
        await store.connections.release(ConnectionId("old"), "stopped")
        assert {one.id for one in await store.connections.release_of_seat(S, ANN)} == {"new", "at-work"}


async def test_those_of_an_epoch_that_is_over_go_without_another_word(database: Database) -> None:
    async with repositories(database) as store:
        await connected(store)
        await store.connections.end_epoch(S, 2)
        assert await states(store) == {"old": "released", "at-work": "negotiating"}


async def test_an_offer_at_work_begins_anew_in_the_next_epoch_by_the_same_update(database: Database) -> None:
    async with repositories(database) as store:
        await connected(store)
        at_work = await store.connections.find(ConnectionId("at-work"))
        assert at_work is not None
        await store.connections.end_epoch(S, 3)
        assert await states(store) == dict.fromkeys(("old", "new", "bo's"), "released") | {"at-work": "negotiating"}
        raw = {one["_id"]: one async for one in store.database["connections"].find({})}
        assert {"claim", "endpoint", "reason"}.isdisjoint(raw["at-work"])
        assert (raw["at-work"]["epoch"], raw["at-work"]["since"]) == (3, at_work.since)
        assert (raw["new"]["epoch"], raw["new"]["reason"], "claim" in raw["new"]) == (2, "swept", False)
        assert raw["new"]["endpoint"] is not None
        assert await store.connections.commit(at_work, "w", MediaRef("a", "pipe/late"), "v=0") is None
        assert await store.connections.claim(ConnectionId("at-work"), 3, "w", ["w"]) is not None


async def test_those_of_a_closed_session_go_and_a_late_commit_finds_no_claim(database: Database) -> None:
    async with repositories(database) as store:
        await connected(store)
        at_work = await store.connections.find(ConnectionId("at-work"))
        assert at_work is not None
        await store.connections.release_all(S)
        assert await states(store) == dict.fromkeys(("old", "new", "at-work", "bo's"), "released")
        assert await store.connections.commit(at_work, "w", MediaRef("a", "pipe/late"), "v=0") is None
