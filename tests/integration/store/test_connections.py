"""Connections on a real mongod: claim and commit, candidates in any order, stops that come first."""

import asyncio
import dataclasses
import random

from callplane.contracts.bounds import CONNECTIONS_PER_SEAT
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.store.connections import Wanted
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

ENDPOINT = MediaRef("a", "pipe/endpoint")


def wanted(connection: str = "k1") -> Wanted:
    """A publish of seat p1 in session s1."""
    return Wanted(connection, "s1", "p1", "publish")


async def test_one_claim_at_a_time_and_the_dead_ones_is_free(database: Database) -> None:
    async with repositories(database) as store:
        await store.connections.offer(wanted())
        claims = await asyncio.gather(
            *(store.connections.claim("k1", 1, f"w{n}", [f"w{m}" for m in range(5)]) for n in range(5))
        )
        [claimed] = [claim for claim in claims if claim is not None]
        assert claimed.claims == 1
        assert claimed.claim is not None
        holder = claimed.claim.wrapper
        survivors = [f"w{n}" for n in range(5) if f"w{n}" != holder]
        taken_over = await store.connections.claim("k1", 1, survivors[0], survivors)
        assert taken_over is not None
        assert taken_over.claims == 2
        assert await store.connections.commit(claimed, holder, ENDPOINT, "v=0") is None, "a paused wrapper woke up"
        ready = await store.connections.commit(taken_over, survivors[0], ENDPOINT, "v=0")
        assert ready is not None
        assert (ready.state, ready.owner, ready.endpoint, ready.claim) == ("ready", survivors[0], ENDPOINT, None)


async def test_a_change_of_epoch_makes_a_late_commit_fail(database: Database) -> None:
    async with repositories(database) as store:
        await store.connections.offer(wanted())
        claimed = await store.connections.claim("k1", 1, "w", ["w"])
        assert claimed is not None
        await store.connections.end_epoch("s1", 2)
        assert await store.connections.commit(claimed, "w", ENDPOINT, "v=0") is None
        assert await store.connections.claim("k1", 1, "w", ["w"]) is None, "the old epoch is over"
        assert await store.connections.claim("k1", 2, "w", ["w"]) is not None


async def test_a_new_offer_is_claimed_by_the_update_that_writes_it_down(database: Database) -> None:
    async with repositories(database) as store:
        await store.connections.create_unoffered(ConnectionId("k2"), SessionId("s1"), ParticipantId("p1"))
        for id_ in ("k1", "k2"):  # also where its candidates came first
            connection, claimed = await store.connections.offer_claimed(wanted(id_), "w")
            assert connection is not None
            assert claimed
            assert (connection.claims, connection.epoch, connection.claim and connection.claim.wrapper) == (1, 0, "w")
            again, claimed = await store.connections.offer_claimed(wanted(id_), "w")
            assert again == connection
            assert not claimed, "who died after it must claim it anew, which fences that attempt off"
            assert await store.connections.claim(connection.id, 1, "other", ["w", "other"]) is None
            ready = await store.connections.commit(connection.model_copy(update={"epoch": 3}), "w", ENDPOINT, "v=0")
            assert ready is not None
            assert (ready.state, ready.epoch, ready.claim) == ("ready", 3, None)
        strange = dataclasses.replace(wanted("k1"), participant_id=ParticipantId("somebody else"))
        assert await store.connections.offer_claimed(strange, "w") == (None, False)


async def test_a_claim_of_before_the_session_was_read_ends_with_a_loss_and_with_a_later_claim(
    database: Database,
) -> None:
    async with repositories(database) as store:
        for id_ in ("k1", "k2"):
            offered, _ = await store.connections.offer_claimed(wanted(id_), "w")
            assert offered is not None
            claimed = offered.model_copy(update={"epoch": 1})
            if id_ == "k1":
                await store.connections.end_epoch(claimed.session_id, 2)
            else:
                assert await store.connections.claim(claimed.id, 1, "survivor", ["survivor"]) is not None
            assert await store.connections.commit(claimed, "w", ENDPOINT, "v=0") is None
            await store.connections.release_claim(claimed, "w")
            found = await store.connections.find(claimed.id)
            assert found is not None
            assert (found.epoch, found.claim is None) == ((2, True) if id_ == "k1" else (1, False))


async def test_no_candidate_is_lost_or_kept_twice_in_any_interleaving(database: Database) -> None:
    async with repositories(database) as store:
        for seed in range(100):
            order = random.Random(seed)
            id_ = f"k-{seed}"

            async def negotiate(id_: str = id_) -> None:
                await store.connections.offer(wanted(id_))
                claimed = await store.connections.claim(id_, 1, "w", ["w"])
                assert claimed is not None
                ready = await store.connections.commit(claimed, "w", ENDPOINT, "v=0")
                assert ready is not None

            async def trickle(n: int, id_: str = id_) -> None:
                candidate: dict[str, object] = {"candidate": f"c{n}"}
                for command in (f"{id_}-{n}", f"{id_}-{n}", f"{id_}-{n}-again"):  # delivered twice, and posted twice
                    given = (command, id_, "s1", "p1", [candidate])
                    if await store.connections.add_candidates(*given) is None:
                        await store.connections.create_unoffered(id_, "s1", "p1")
                        await store.connections.add_candidates(*given)

            work = [negotiate(), *(trickle(n) for n in range(6))]
            order.shuffle(work)
            await asyncio.gather(*work)
            found = await store.connections.find(id_)
            assert found is not None
            assert sorted(str(c["candidate"]) for c in found.candidates) == [f"c{n}" for n in range(6)]


async def test_a_stop_may_come_before_its_offer(database: Database) -> None:
    async with repositories(database) as store:
        stopped = await store.connections.stop("k1", "s1", "p1")
        assert stopped is not None
        assert await store.connections.stop("k1", "s1", "p1") is None
        found = await store.connections.offer(wanted())
        assert found is not None
        assert found.state == "released"
        assert await store.connections.claim("k1", 1, "w", ["w"]) is None


async def test_another_seat_touches_nothing(database: Database) -> None:
    async with repositories(database) as store:
        await store.connections.offer(wanted())
        assert await store.connections.offer(Wanted("k1", "s1", "p2", "publish")) is None
        assert await store.connections.stop("k1", "s1", "p2") is None
        assert await store.connections.add_candidates("c", "k1", "s1", "p2", [{"candidate": "x"}]) is None
        found = await store.connections.find("k1")
        assert found is not None
        assert (found.state, found.participant_id, found.candidates) == ("negotiating", "p1", [])


async def test_candidates_are_bounded(database: Database) -> None:
    async with repositories(database) as store:
        await _fill(store)
        found = await store.connections.find("k1")
        assert found is not None
        assert len(found.candidates) == 128
        assert found.candidates[0] == {"candidate": "0"}


async def _fill(store: Repositories) -> None:
    await store.connections.create_unoffered("k1", "s1", "p1")
    for batch in _batches(200, 50):
        await store.connections.add_candidates(f"c{batch[0]}", "k1", "s1", "p1", [{"candidate": str(n)} for n in batch])


def _batches(total: int, size: int) -> list[range]:
    return [range(start, min(start + size, total)) for start in range(0, total, size)]


async def test_media_state_acts_from_one_state_to_another(database: Database) -> None:
    async with repositories(database) as store:
        await store.connections.offer(wanted())
        assert await store.media_states.media_state("k1", (None,), "connected") is None, "not ready yet"
        claimed = await store.connections.claim("k1", 1, "w", ["w"])
        assert claimed is not None
        await store.connections.commit(claimed, "w", ENDPOINT, "v=0")
        news = await asyncio.gather(*(store.media_states.media_state("k1", (None,), "connected") for _ in range(4)))
        [said] = [each for each in news if each is not None]
        assert said.document.outbox[0].data == {"connection_id": "k1", "state": "connected"}


async def test_a_seat_has_only_so_many_without_an_offer(database: Database) -> None:
    """Candidates and stops of ids that are made up: no more than there may be connections, and real ones go on."""
    async with repositories(database, durable=False) as store:

        async def early(connection: str, participant: str = "p1") -> bool:
            await store.connections.create_unoffered(connection, "s1", participant)
            kept = store.connections.add_candidates
            return await kept(f"for {connection}", connection, "s1", participant, [{"candidate": "1"}]) is not None

        for n in range(CONNECTIONS_PER_SEAT + 20):
            if n % 2:
                assert await early(f"x{n}") is (n < CONNECTIONS_PER_SEAT)
            else:
                await store.connections.stop(f"x{n}", "s1", "p1")
        assert await store.database["connections"].count_documents({}) == CONNECTIONS_PER_SEAT
        assert await early("y", "p2")
        assert await store.connections.add_candidates("more", "x1", "s1", "p1", [{"candidate": "2"}]) is not None
        assert await store.connections.offer(wanted()) is not None
        assert await early("k1")
        assert await store.connections.stop("k1", "s1", "p1") is not None
        assert await store.connections.stop("k1", "s1", "p1") is None
