"""What every wrapper looks for each second: what is owed for too long, what is due, and what is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from callplane.contracts.errors import Away, Busy, Trouble
from callplane.contracts.ids import SessionId
from callplane.store.documents import SessionDocument
from callplane.telemetry.logs import logger
from wrapper.aftermath import CarryingAftermath, Owing
from wrapper.context import Context
from wrapper.draining import Draining
from wrapper.drops import Drops
from wrapper.grace import Grace
from wrapper.leases import Leases
from wrapper.listening import Listening
from wrapper.monitor import Monitor
from wrapper.settings import WrapperSettings
from wrapper.verdicts import Verdicts

LISTING_SECONDS = 60.0
LOST_AT_ONCE = 16


class Sweeps:
    """Each sweep is a loop of its own: one that is stuck holds up nothing else."""

    def __init__(
        self, context: Context, leases: Leases, aftermath: CarryingAftermath, settings: WrapperSettings
    ) -> None:
        self._context = context
        self._leases = leases
        self._aftermath = aftermath
        self._settings = settings
        self._log = logger("sweeps")

    async def run(self, listening: Listening, monitor: Monitor) -> None:
        """Sweep until cancelled."""
        every = self._settings.sweep_seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self._each(every, self._leases.renew))
            group.create_task(self._each(every, self._leases.judge))
            group.create_task(self._each(every, self._leases.hear, self._leases.adopted))
            group.create_task(self._each(every, self.owed))
            group.create_task(self._each(every, self.deserted))
            group.create_task(self._each(every, self.lost_servers, listening.pool_changed))
            group.create_task(self._each(every, self.tombstones))
            group.create_task(self._each(every, Grace(self._context, self._leases).sweep))
            group.create_task(self._each(every, Drops(self._context, self._settings.drop_seconds).sweep))
            group.create_task(self._each(every, Verdicts(self._context, self._settings.connect_seconds).sweep))
            group.create_task(self._each(every, Draining(self._context, self._settings.drain_per_second).sweep))
            group.create_task(self._each(every, monitor.sweep))
            group.create_task(self._each(LISTING_SECONDS, listening.catch_up))

    async def owed(self) -> None:
        """Publish and do what its maker has not, for it died, was cut off, or its turn has not come."""
        store, age = self._context.store, self._settings.sweep_seconds
        owing: list[Owing] = [*await store.sessions.counted.overdue(age), *await store.connections.counted.overdue(age)]
        for document in owing:
            chores = frozenset(chore.id for chore in document.chores)
            await self._aftermath.do(document, carries=True, chores=chores)

    async def deserted(self) -> None:
        """Close sessions that nobody came to, or that everybody left, when their time is over."""
        sessions = self._context.store.sessions
        for session, reason in await sessions.due_to_close():
            self._context.aftermath.owes(await sessions.close_deserted(session, reason))

    async def lost_servers(self) -> None:
        """Count the epoch on of sessions whose media server is down or has become another process."""
        store = self._context.store
        pool = await store.servers.all()
        lost = {s.name: None if s.state == "down" else s.server_id for s in pool}
        gate = asyncio.Semaphore(LOST_AT_ONCE)

        async def lose(session: SessionDocument) -> None:
            async with gate:
                try:
                    self._context.aftermath.owes(await store.media.lose(session, "media-server-lost"))
                except Away as away:
                    self._log.warning("a loss is put off", session_id=session.id, why=str(away))

        found = await store.sessions.on_servers_lost(lost)  # not in the group, which would wrap its Away
        async with asyncio.TaskGroup() as group:
            for session in found:
                group.create_task(lose(session))

    async def tombstones(self) -> None:
        """Forget closed sessions when their mailboxes have been readable for long enough."""
        store, topology = self._context.store, self._context.topology
        for session in await store.sessions.tombstones(self._settings.tombstone_seconds):
            for attachment in await store.attachments.of_session(SessionId(session)):
                await topology.delete_mailbox(attachment.participant_id)
            await store.attachments.delete_of(SessionId(session))
            await store.connections.delete_of(session)
            await topology.delete_session(SessionId(session))
            await store.sessions.bury(session)

    async def _each(
        self, seconds: float, sweep: Callable[[], Awaitable[None]], sooner: asyncio.Event | None = None
    ) -> None:
        """Sweep every so many seconds, or as soon as something has happened."""
        news = sooner or asyncio.Event()
        while True:
            news.clear()
            try:
                await sweep()
            except (Away, Trouble, Busy) as trouble:
                self._context.metrics.sweep_failed("put-off")
                self._log.warning("a sweep is put off", sweep=sweep.__qualname__, why=str(trouble))
            except Exception:
                self._context.metrics.sweep_failed("failed")
                self._log.exception("a sweep failed", sweep=sweep.__qualname__)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await news.wait()
