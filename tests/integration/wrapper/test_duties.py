"""What one wrapper does for all: who does it, who helps, and what it costs with more wrappers."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from callplane.contracts.commands import Leave
from callplane.contracts.ids import ParticipantId
from callplane.store import sweep_leases
from callplane.store.media_servers import MediaServers
from callplane.store.placements import Reading
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until
from wrapper.app import Program
from wrapper.sweeps.sweep_leases import OwnSweeps

LEASE = 60
SECONDS = 3.0
EACH = 14.0
"""So many operations a second may each further wrapper cost: its lease, its clock, who lives, its change stream."""


async def test_who_stops_doing_it_is_followed_by_another(database: Database) -> None:
    async with repositories(database) as store:
        leases = sweep_leases.SweepLeases(store.database, lease_seconds=LEASE)
        one, two = OwnSweeps(leases, "one"), OwnSweeps(leases, "two")

        async def both(sweep: str = "x") -> list[bool]:
            for wrapper in (one, two):
                await wrapper.look()
            return [await wrapper.mine(sweep) for wrapper in (one, two)]

        assert await asyncio.gather(one.mine("x"), two.mine("x")) in ([True, False], [False, True])
        await leases.release("one")
        await leases.release("two")
        assert await both() == [True, False]
        await _passes(store, 0.6 * LEASE)
        assert await both() == [True, False], "renewed by the doing"
        await _passes(store, 0.6 * LEASE)
        assert await both() == [True, False]
        await two.crowded("x")
        assert await both() == [True, True]
        await _passes(store, 1.1 * LEASE)
        await two.look()
        assert await two.mine("x"), "its holder has not done it for a lease"
        assert await both() == [False, True]
        await two.release()
        assert await both() == [True, False]
        ran: list[str] = []

        async def sweep() -> None:
            ran.append("swept")

        await one.only_if_mine("y", sweep, lambda: False)()
        assert (ran, await both("y")) == ([], [True, False])
        await two.only_if_mine("y", sweep, lambda: True)()
        await one.only_if_mine("y", sweep, lambda: True)()
        assert ran == ["swept"]


async def test_what_is_ours_is_renewed_with_all_others_while_it_is_done(database: Database) -> None:
    async with repositories(database) as store:
        leases = sweep_leases.SweepLeases(store.database, lease_seconds=LEASE)
        one, two = OwnSweeps(leases, "one"), OwnSweeps(leases, "two")
        asked: list[str] = []
        take = leases.take

        async def counted(sweep: str, wrapper: str) -> bool:
            asked.append(sweep)
            return await take(sweep, wrapper)

        leases.take = counted  # type: ignore[method-assign]
        assert await one.mine("x")
        assert await one.mine("hangs")
        asked.clear()
        await one.look()
        assert await one.mine("x")
        assert await one.mine("hangs")
        await one.look()
        await _passes(store, 0.6 * LEASE)
        assert await one.mine("x")
        await one.look()
        assert asked == [], "one update renews what was done since the look before"
        await _passes(store, 0.6 * LEASE)
        await two.look()
        assert [await two.mine(sweep) for sweep in ("x", "hangs")] == [False, True]
        await one.look()
        assert [await one.mine(sweep) for sweep in ("x", "hangs")] == [True, False]


async def test_who_has_not_looked_for_long_asks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with repositories(database) as store:
        leases = sweep_leases.SweepLeases(store.database, lease_seconds=LEASE)
        one, two = OwnSweeps(leases, "one"), OwnSweeps(leases, "two")
        assert await one.mine("x")
        await one.look()
        await _passes(store, 1.1 * LEASE)
        assert await two.mine("x")
        monkeypatch.setattr("wrapper.sweeps.sweep_leases.BELIEVED", -1.0)
        assert not await one.mine("x"), "as after a pause"


async def _passes(store: Repositories, seconds: float) -> None:
    """As if so much time had: what a machine stands still for in between is little beside it."""
    earlier = {field: {"$subtract": [f"${field}", int(seconds * 1000)]} for field in ("at", "crowded")}
    await store.database["duties"].update_many({}, [{"$set": earlier}])


async def operations(database: Database) -> tuple[float, Counter[str]]:
    """How many a second the mongod is asked for while nobody asks a wrapper for anything; and the commands by name."""

    async def counted() -> tuple[int, Counter[str]]:
        async with database.client() as client:
            status = await client.admin.command("serverStatus")
        commands = status["metrics"]["commands"]
        named = {name: int(told["total"]) for name, told in commands.items() if isinstance(told, dict)}
        kinds = ("query", "insert", "update", "delete", "command")
        return sum(int(status["opcounters"][kind]) for kind in kinds), Counter(named)

    before, began = await counted()
    await asyncio.sleep(SECONDS)
    after, ended = await counted()
    return (after - before) / SECONDS, ended - began


def counting(program: Program, deleted: Counter[str]) -> None:
    """Count the mailboxes that this wrapper deletes."""
    topology: Any = program.context.topology
    delete = topology.delete_mailbox

    async def counted(participant: ParticipantId) -> None:
        deleted[participant] += 1
        await delete(participant)

    topology.delete_mailbox = counted


@pytest.mark.long
async def test_more_wrappers_ask_for_little_more_and_work_nothing_off_twice(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, media_servers=2) as r:
        await r.publish(*await _seated(r))
        await asyncio.sleep(1)
        alone, one_asks = await operations(servers.database)
        for _ in range(2):
            await r.start()
        await asyncio.sleep(1)
        three, three_ask = await operations(servers.database)
        assert three - alone <= 2 * EACH, (alone, three, three_ask - one_asks)
        deleted: Counter[str] = Counter()
        for program in r.programs:
            counting(program, deleted)
        session, ann = await _seated(r)
        await r.done(Leave(participant_id=ann), session)

        async def expired() -> bool:
            found = await r.store.database["attachments"].find_one({"_id": ann})
            return found is not None and "expires_at" in found

        await until(expired)
        await asyncio.sleep(1.5)  # a sweep of each wrapper: nothing may happen, which no event can tell
        assert deleted[ann] <= 2, "by who it was owed to, and once more for a mailbox that came late"
        measured: Counter[str] = Counter()
        original = MediaServers.set_memory

        async def count(self: MediaServers, name: str, memory: int, since: Reading | None = None) -> None:
            measured[name] += 1
            await original(self, name, memory, since)

        MediaServers.set_memory = count  # type: ignore[method-assign]
        try:
            await asyncio.sleep(4.5)
        finally:
            MediaServers.set_memory = original  # type: ignore[method-assign]
        assert measured
        assert max(measured.values()) <= 3, "one wrapper reads a server's memory, each two seconds"


async def _seated(r: RunningWrappers) -> tuple[str, str]:
    session = await r.session()
    return session, await r.seat(session)
