"""What wrappers look for each second, most of it one for all: what is owed for too long, what is due, what is lost."""

import asyncio
import random
from functools import partial
from typing import Any

from callplane.concurrency import for_each, pause_unless
from callplane.contracts.errors import Busy, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.store.documents import SessionDocument
from callplane.store.media_servers import MediaServerDocument
from callplane.store.outbox_repository import OutboxRepository
from callplane.telemetry.failures import frames, leaves, words
from callplane.telemetry.logs import logger
from wrapper.context import Context
from wrapper.effects.runner import FollowUpRunner
from wrapper.follow_ups import Owing
from wrapper.session_queues import SessionQueues
from wrapper.settings import WrapperSettings
from wrapper.sweeps import lost_media, lost_seats, unconnected
from wrapper.sweeps.items import Items
from wrapper.sweeps.leases import WAIT_FOR_SERVERS, Leases
from wrapper.sweeps.lost_media import LostMedia
from wrapper.sweeps.lost_seats import LostSeats
from wrapper.sweeps.orphans import OrphanSweep
from wrapper.sweeps.server_draining import ServerDraining
from wrapper.sweeps.sweep_leases import OwnSweeps, Sweep
from wrapper.sweeps.unconnected import UnconnectedSweep

LISTING_SECONDS = 60.0
LOST_LIMIT = 100
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
        self.grace = LostSeats(context, leases)
        self.drops = LostMedia(context, settings.drop_seconds)
        self._items = {
            name: Items(name, context.metrics) for name in ("owed", "deserted", "lost servers", "tombstones")
        }
        self.duties = OwnSweeps(context.store.duties, context.wrapper)
        self._counted: float | None = None
        self._there: set[tuple[str, str | None]] = set()
        self._log = logger("sweeps")

    async def run(self, listening: SessionQueues, monitor: OrphanSweep) -> None:
        """Sweep until cancelled."""
        every = self._settings.sweep_seconds
        shared: dict[str, Sweep] = {
            "owed": self.owed,
            "deserted": self.deserted,
            "lost servers": self.lost_servers,
            "tombstones": self.tombstones,
            "abandoned": self.leases.give_up_abandoned,
            "strays": self.leases.forget_strays,
            lost_seats.DUTY: self.grace.sweep,
            lost_media.DUTY: self.drops.sweep,
            unconnected.DUTY: UnconnectedSweep(self._context, self._settings.connect_seconds).sweep,
            "sessions counted": self.count,
            "draining": ServerDraining(self._context, self._settings.drain_per_second).sweep,
        }
        async with asyncio.TaskGroup() as group:
            group.create_task(self.each(every, self.leases.renew))
            group.create_task(self.each(every, self.leases.judge))
            group.create_task(self.each(every, self.leases.hear, self.leases.adopted))
            group.create_task(self.each(every, self.duties.look))
            for name, sweep in shared.items():
                rounds = 1 if name == "draining" else ROUNDS
                group.create_task(self.each(every, self._only_if_ours(name, sweep), rounds=rounds))
            # News is for everybody: who has the lease of this sweep may have died with the server.
            group.create_task(self.each(LISTING_SECONDS, self.lost_servers, listening.pool_changed, rounds=ROUNDS))
            group.create_task(self.each(every, partial(monitor.sweep, self.duties.mine)))
            group.create_task(self.each(LISTING_SECONDS, listening.catch_up))

    def _only_if_ours(self, name: str, sweep: Sweep) -> Sweep:
        """What one wrapper does for all, while the broker is there for it; else it is left to another."""
        return self.duties.only_if_mine(name, sweep, lambda: self.leases.reachable_since is not None)

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

        async def one(id_: str) -> None:
            nonlocal won
            put_off.discard(id_)
            document = await owed.claim_overdue(id_, age)
            if document is not None:
                won += 1
                if await self._do(owed, document):
                    put_off.add(id_)
                    raise Unavailable("store or broker did not answer")

        async def later(id_: str) -> None:
            if id_ not in put_off:
                await owed.put_off_entries(id_)

        while True:
            owing = await owed.overdue(age)
            random.shuffle(owing)
            before = won
            if len(owing) >= CROWD:
                await self.duties.crowded("owed")
            await self._items["owed"].each({id_: id_ for id_ in owing}, one, later)
            if won == before:
                return

    async def _do(self, owed: OutboxRepository[Any], document: Owing) -> bool:
        """Do what is due; what could not be done is put off. Whether that was because store or broker were away."""
        now = self._context.store.clock.now()
        chores = frozenset(chore.id for chore in document.chores if chore.at <= now)
        carries = any(entry.at <= now for entry in document.outbox)
        left = await self._runner.do(document, carries=carries, chores=chores)
        if left.entries:
            await self.duties.crowded("owed")  # another may be able to: it reaches what we do not
            await owed.put_off_entries(document.id, left.entries, seconds=AWAY_SECONDS if left.away else None)
        return left.away

    async def deserted(self) -> None:
        """Close sessions that nobody came to, or that everybody left, when their time is over."""
        sessions = self._context.store.sessions

        async def close(which: tuple[str, str]) -> None:
            self._context.follow_ups.schedule(await sessions.close_deserted(*which))

        due = {session: (session, reason) for session, reason in await sessions.due_to_close()}
        await self._items["deserted"].each(due, close, lambda which: sessions.put_off(which[0]))

    async def lost_servers(self) -> None:
        """Count the epoch on of sessions whose media server is down or has become another process."""
        store = self._context.store
        pool = await store.servers.all()
        await self._hasten(pool)
        processes = {s.name: None if s.state == "down" else s.server_id for s in pool}
        found = None
        while found is None or len(found) == LOST_LIMIT:
            found = await store.sessions.on_servers_lost(processes, LOST_LIMIT)
            random.shuffle(found)  # each wrapper begins with others
            lost = 0

            async def lose(session: SessionDocument) -> None:
                nonlocal lost
                self._context.follow_ups.schedule(await store.media.lose(session, "media-server-lost"))
                lost += 1

            await self._items["lost servers"].each({session.id: session for session in found}, lose)
            if not lost:
                return

    async def _hasten(self, pool: list[MediaServerDocument]) -> None:
        """A server that was not there, or took no sessions, when something was put off for that."""
        there = {(s.name, s.server_id) for s in pool if s.state == "up"}
        there |= {(s.name, "open") for s in pool if s.state == "up" and not s.cordoned}
        if there - self._there:
            await self._context.store.sessions.make_due(WAIT_FOR_SERVERS)
        self._there = there

    async def count(self) -> None:
        """Every few seconds the sessions on each media server, which all wrappers show."""
        now = asyncio.get_running_loop().time()
        if self._counted is None or now - self._counted >= COUNT_SECONDS:
            await self._context.store.servers.count_sessions()
            self._counted = now

    async def tombstones(self) -> None:
        """Forget closed sessions when their mailboxes have been readable for long enough."""
        sessions = self._context.store.sessions
        found = await sessions.tombstones(self._settings.tombstone_seconds)
        await self._items["tombstones"].each({id_: id_ for id_ in found}, self._bury, sessions.put_off)

    async def _bury(self, session: str) -> None:
        store, topology = self._context.store, self._context.topology
        for attachment in await store.attachments.of_session(SessionId(session)):
            # It ends before its queue goes, or who reads it would take the queue for lost, and make it again.
            await store.attachments.end(attachment.participant_id, "session-closed")
            await topology.delete_mailbox(attachment.participant_id)
        await store.attachments.delete_of(SessionId(session))
        await store.connections.delete_of(session)
        await topology.delete_session(SessionId(session))
        await store.sessions.delete_tombstone(session)

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
