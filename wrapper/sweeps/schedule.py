"""Schedule of sweeps: runs each in a loop of its own, every second, most of them in one wrapper for all."""

import asyncio
import random
from functools import partial
from typing import Any

from callplane.concurrency import for_each, pause_unless
from callplane.contracts.errors import Busy, Trouble, Unavailable
from callplane.store.batched_reads import BatchedReads
from callplane.store.versioned_updates import OutboxRepository
from callplane.telemetry.failures import frames, leaves, words
from callplane.telemetry.logs import logger
from wrapper.context import Context
from wrapper.effects.runner import FollowUpRunner
from wrapper.follow_ups import Owing
from wrapper.session_queues import SessionQueues
from wrapper.settings import WrapperSettings
from wrapper.sweeps import ended_presences, idle_sessions, lost_media, lost_seats, lost_servers, tombstones, unconnected
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.ended_presences import EndedPresences
from wrapper.sweeps.idle_sessions import IdleSessions
from wrapper.sweeps.items import AT_ONCE, Items
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.lost_media import LostMedia
from wrapper.sweeps.lost_seats import LostSeats
from wrapper.sweeps.lost_servers import LostServers
from wrapper.sweeps.orphans import OrphanSweep
from wrapper.sweeps.server_draining import ServerDraining
from wrapper.sweeps.sweep_leases import OwnSweeps, Sweep
from wrapper.sweeps.tombstones import Tombstones
from wrapper.sweeps.unconnected import UnconnectedSweep

LISTING_SECONDS = 60.0
CROWD = 100
"""So many that owe something at once are not left to one wrapper."""
AWAY_SECONDS = 1.0
STUCK_SECONDS = 2.0
COUNT_SECONDS = 5.0
ROUNDS = 4


class Sweeps:
    """Each sweep is a loop of its own: one that is stuck holds up nothing else."""

    def __init__(self, context: Context, leases: Leases, runner: FollowUpRunner, settings: WrapperSettings) -> None:
        self._context = context
        self.leases = leases
        self._runner = runner
        self._settings = settings
        self.lost_seats = LostSeats(context, leases)
        self.lost_media = LostMedia(context, settings.drop_seconds)
        self.lost_servers = LostServers(context)
        self.idle_sessions = IdleSessions(context)
        self.ended_presences = EndedPresences(context)
        self.tombstones = Tombstones(context, settings.tombstone_seconds)
        self.own = OwnSweeps(context.store.sweep_leases, context.wrapper)
        self._owed = Items("owed", context.metrics)
        self._counted: float | None = None
        """When the sessions on media servers were last counted here (the loop's time)."""
        self._log = logger("sweeps")

    async def run(self, adoption: Adoption, queues: SessionQueues, orphans: OrphanSweep) -> None:
        """Sweep until cancelled."""
        every = self._settings.sweep_seconds
        shared: dict[str, Sweep] = {
            "owed": self.owed,
            idle_sessions.LEASE: self.idle_sessions.sweep,
            lost_servers.LEASE: self.lost_servers.sweep,
            tombstones.LEASE: self.tombstones.sweep,
            ended_presences.LEASE: self.ended_presences.sweep,
            "abandoned": adoption.release_abandoned,
            "strays": self.leases.forget_strays,
            lost_seats.LEASE: self.lost_seats.sweep,
            lost_media.LEASE: self.lost_media.sweep,
            unconnected.LEASE: UnconnectedSweep(self._context, self._settings.connect_seconds).sweep,
            "sessions counted": self.count,
            "draining": ServerDraining(self._context, self._settings.drain_per_second).sweep,
        }
        async with asyncio.TaskGroup() as group:
            group.create_task(self.each(every, self.leases.renew))
            group.create_task(self.each(every, adoption.take_over))
            group.create_task(self.each(every, adoption.resubscribe, adoption.adopted))
            group.create_task(self.each(every, self.own.look))
            for name, sweep in shared.items():
                rounds = 1 if name == "draining" else ROUNDS
                group.create_task(self.each(every, self._only_if_ours(name, sweep), rounds=rounds))
            # News is for everybody: who has the lease of this sweep may have died with the server.
            group.create_task(self.each(LISTING_SECONDS, self.lost_servers.sweep, queues.pool_changed, rounds=ROUNDS))
            group.create_task(self.each(every, partial(orphans.sweep, self.own.mine)))
            group.create_task(self.each(LISTING_SECONDS, queues.catch_up))

    def _only_if_ours(self, name: str, sweep: Sweep) -> Sweep:
        """What one wrapper does for all, while the broker is there for it; else it is left to another."""
        return self.own.only_if_mine(name, sweep, lambda: self.leases.reachable_since is not None)

    async def owed(self) -> None:
        """Publish and do what its maker has not, for it died, was cut off, or its turn has not come."""
        store = self._context.store
        both: list[OutboxRepository[Any]] = [store.sessions, store.connections]
        await for_each(self._repay, both)  # neither is in the other's way

    async def _repay(self, owed: OutboxRepository[Any]) -> None:
        """Until nothing is left that could be done; in any order, or several wrappers would run for the same."""
        age = self._settings.sweep_seconds
        won = 0
        put_off: set[str] = set()
        claims = BatchedReads(partial(owed.claim_overdue_among, age=age), AT_ONCE)

        async def one(id_: str) -> None:
            nonlocal won
            put_off.discard(id_)
            claimed = await claims(id_)
            if claimed is not None:
                won += 1
                if await self._do(owed, owed.read(claimed)):
                    put_off.add(id_)
                    raise Unavailable("store or broker did not answer")

        async def later(id_: str) -> None:
            if id_ not in put_off:
                await owed.put_off_entries(id_)

        while True:
            # What waits for its turn here is about to be done.
            owing = [id_ for id_ in await owed.overdue(age) if not self._context.follow_ups.awaits(id_)]
            random.shuffle(owing)
            before = won
            if len(owing) >= CROWD:
                await self.own.crowded("owed")
            await self._owed.each({id_: id_ for id_ in owing}, one, later)
            if won == before:
                return

    async def _do(self, owed: OutboxRepository[Any], document: Owing) -> bool:
        """Do what is due; what could not be done is put off. Whether that was because store or broker were away."""
        now = self._context.store.clock.now()
        chores = frozenset(chore.id for chore in document.chores if chore.at <= now)
        publishes = any(entry.at <= now for entry in document.outbox)
        left = await self._runner.do(document, publishes=publishes, chores=chores)
        if left.entries:
            await self.own.crowded("owed")  # another may be able to: it reaches what we do not
            await owed.put_off_entries(document.id, left.entries, seconds=AWAY_SECONDS if left.away else None)
        return left.away

    async def count(self) -> None:
        """Every few seconds the sessions on each media server, which all wrappers show."""
        now = asyncio.get_running_loop().time()
        if self._counted is None or now - self._counted >= COUNT_SECONDS:
            await self._context.store.servers.count_sessions()
            self._counted = now

    async def each(
        self,
        seconds: float,
        sweep: Sweep,
        sooner: asyncio.Event | None = None,
        *,
        rounds: int = 1,
    ) -> None:
        """Sweep every so many seconds, or as soon as something has happened.

        A round that hangs at one of its items delays the next no longer than ``STUCK_SECONDS``, until there are so
        many at once; what is under way in one is left out by the others.
        """
        news = sooner or asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[None]] = set()
            while True:
                news.clear()
                newest = group.create_task(self._round(sweep))
                running.add(newest)
                await asyncio.wait({newest}, timeout=STUCK_SECONDS)
                running = {task for task in running if not task.done()}
                if len(running) >= rounds:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                await pause_unless(news, seconds)

    async def _round(self, sweep: Sweep) -> None:
        try:
            await sweep()
        except Exception as failure:
            kinds = set(map(type, leaves(failure)))
            if kinds <= {Unavailable, Trouble, Busy}:
                self._context.metrics.sweep_failed("put-off")
                self._log.warning("a sweep is put off", sweep=_name(sweep), why=words(failure))
            else:
                self._context.metrics.sweep_failed("failed")
                self._log.error("a sweep failed", sweep=_name(sweep), why=words(failure), frames=frames(failure))


def _name(sweep: Sweep) -> str:
    return str(getattr(sweep, "__qualname__", sweep))
