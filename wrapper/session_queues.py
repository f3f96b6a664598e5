"""Session queues: consumes every open session's, by the change stream, and by listing at the start (design 3, 6)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from callplane.bus.ports import Listener
from callplane.concurrency import for_each
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.store.change_stream import StreamEvent, StreamLost, Watch, watch
from callplane.store.engines import SessionEngines
from callplane.store.mongo.database import Database
from callplane.store.sessions import DELETED_AFTER, Sessions
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger
from wrapper.monitoring.metrics import Metrics

Forget = Callable[[SessionId, int | None], None]
"""Drops what is remembered of a session's epochs before this one, or of all (None)."""

AGAIN_SECONDS = 1.0
LONGEST_PAUSE = 60.0
AT_ONCE = 32
TELL_SECONDS = 2.0
SOON = timedelta(seconds=DELETED_AFTER / 2)
"""A session is not closed before it is made, and its queue not deleted before ``DELETED_AFTER`` after that."""


class SessionQueues:
    """Keeps the listener at what the store says is open."""

    def __init__(
        self, database: Database, sessions: Sessions, engines: SessionEngines, forget: Forget, metrics: Metrics
    ) -> None:
        self.ready = asyncio.Event()
        """Set while every session that was listed is consumed; cleared at the end."""
        self.pool_changed = asyncio.Event()
        """Set when a media server came, went down, or is up or another process; cleared by who acts on it."""
        self.open = 0
        """How many sessions that have a queue were open when they were last listed."""
        self.declared = 0
        """How many queues were made by hand, one by one: grows while a start gets on."""
        self.listener: Listener
        """Consumes the queues; given by ``run``, before which nothing is consumed that could ask for anything here."""
        self._database = database
        self._sessions = sessions
        self._engines = engines
        self._forget = forget
        self._metrics = metrics
        self._excluded: dict[SessionId, str] = {}
        """Sessions that are left to others → the media server that only others reach."""
        self._listed: set[SessionId] = set()
        """What is being caught up with, which looks itself for what is missing."""
        self._log = logger("listening")

    async def run(self, listener: Listener, restore: Callable[[], Awaitable[None]]) -> None:
        """Open the stream first, then list; again from the start when the stream cannot be resumed.

        ``restore`` makes again what must be there, for the stream also ends with the database that is dropped. Sessions
        do not wait for it: it may build indexes for long, or meet one that cannot be built.
        """
        self.listener = listener
        while True:
            try:
                async with watch(self._database) as stream, asyncio.TaskGroup() as beside:
                    beside.create_task(self._restored(restore))
                    # What moved while nothing was heard may be within reach by now; else it is excluded again.
                    self._excluded.clear()
                    await self.catch_up()
                    self.ready.set()
                    await self._follow(stream)
            except* (Unavailable, Trouble, StreamLost) as group:  # bare from the stream, else in a group
                self._log.warning("the change stream is opened again", why=repr(group.exceptions))
                self._metrics.stream_reopened()
                await asyncio.sleep(AGAIN_SECONDS)

    async def _restored(self, restore: Callable[[], Awaitable[None]]) -> None:
        """Until it has been done once."""
        pause = AGAIN_SECONDS
        while True:
            try:
                await restore()
            except (Unavailable, Trouble) as trouble:
                self._log.warning("not all is restored yet", why=str(trouble))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return

    async def catch_up(self) -> None:
        """Listen to shards, and to every open session that is not listened to; the sweep of each minute does so too."""
        try:
            await self.listener.listen_shared()
        except Unavailable as away:
            self._log.warning("not all shards are consumed yet", why=str(away))
        # Not what is consumed now: while the wrapper is paused, or the broker away, that is nothing.
        known = self.listener.wanted() | self._excluded.keys()
        ids = await self._sessions.open_ids()
        self.open, listed = len(ids), [session for session in ids if session not in known]
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(len(listed)))
            try:
                await self._catch_up(listed)
            finally:
                telling.cancel()

    async def _catch_up(self, listed: list[SessionId]) -> None:
        """Consume what exists, in bulk; then declare what does not, each by itself."""
        self._listed.update(listed)
        try:
            try:
                await self.listener.listen_all(listed)
            except Unavailable as away:
                self._log.warning("not all is consumed yet", why=str(away))
            wanted = self.listener.wanted()
            missing = [session for session in listed if session not in wanted]
            await for_each(partial(self._alone, work=self._declare), missing, limit=AT_ONCE)
        finally:
            self._listed.difference_update(listed)

    async def _declare(self, session_id: SessionId) -> None:
        await self.listen(session_id)
        self.declared += 1

    async def _tell(self, listed: int) -> None:
        """How far it is, as long as it takes."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            self._log.info("listening to sessions", listed=listed, consumed=len(self.listener.listening()))

    async def listen(self, session_id: SessionId, made_at: datetime | None = None) -> None:
        """Declare, read the status, then consume: closed by now, its queue is owed a deletion once more.

        Open by then, it is deleted two seconds after its close at the earliest, and what was declared with it. So it is
        there for as long after ``made_at``, when it was made, in database time: its status is not read so soon.
        """

        async def is_open() -> bool:
            if session_id in self._excluded:  # meanwhile: a command of it has met a media server that only others reach
                return False
            if made_at is not None and abs(self._sessions.now() - made_at) < SOON:
                return True
            return await self._sessions.epoch_of_open(session_id) is not None

        try:
            try:
                listened = await self.listener.listen(session_id, is_open, await self._engine(session_id))
            except Trouble as trouble:  # deleted meanwhile, mostly, which may have been before it was declared
                self._log.warning("not listened to yet", session_id=session_id, why=str(trouble))
                listened = await is_open()
            if not listened:
                await self.listener.unlisten(session_id)
                if session_id not in self._excluded:
                    await self._sessions.schedule_deletion(session_id)
        except Unavailable as away:
            self._log.warning("not listened to yet", session_id=session_id, why=str(away))

    async def _engine(self, session_id: SessionId) -> Engine:
        """Its engine; of one that cannot be read now, or not yet, that which needs more to be declared."""
        with suppress(Unavailable, Trouble):
            return await self._engines.of(session_id) or "queues"
        return "queues"

    async def exclude(self, session_id: SessionId, server: str) -> None:
        """Leave a session to the wrappers that reach its media server, until we do."""
        self._excluded[session_id] = server
        await self.listener.unlisten(session_id)

    async def include(self, session_id: SessionId) -> None:
        """Its media server is reached after all."""
        if self._excluded.pop(session_id, None) is not None:
            await self.listen(session_id)

    async def back(self, server: str) -> None:
        """A media server is reached again, or was removed: listen to what was excluded for it."""
        self._excluded = {session: other for session, other in self._excluded.items() if other != server}
        await self.catch_up()

    async def cancelled(self, session_id: SessionId) -> None:
        """The broker ended our consumer, for the queue is gone: an open session's queue is declared again."""
        if session_id not in self._listed and await self._sessions.epoch_of_open(session_id) is not None:
            await self.listen(session_id)

    async def _follow(self, stream: Watch) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                seen = await stream.next()
                self._metrics.stream_said(seen)
                match seen:
                    case StreamEvent(what="opened", id=session, engine=engine, commands="sharded"):
                        self._engines.remember(SessionId(session), engine or "log", "sharded")
                    case StreamEvent(what="opened", id=session, engine=engine):
                        self._engines.remember(SessionId(session), engine or "queues")
                        group.create_task(self._alone(SessionId(session), partial(self._opened, made_at=seen.at)))
                    case StreamEvent(what="closed" | "epoch", id=session, epoch=epoch):
                        group.create_task(self._alone(SessionId(session), partial(self._turned, epoch=epoch)))
                    case StreamEvent(what="server"):
                        self.pool_changed.set()
                    case _:
                        pass

    async def _opened(self, session_id: SessionId, made_at: datetime | None) -> None:
        """Late news: it may have been listed, listened to and left to others by now."""
        if session_id not in self._excluded:
            await self.listen(session_id, made_at)

    async def _turned(self, session_id: SessionId, epoch: int | None) -> None:
        """An epoch, or the whole session (None), is over: forget what was in it, and why it was excluded."""
        excluded = self._excluded.pop(session_id, None) is not None
        self._forget(session_id, epoch)
        if epoch is None:
            self.listener.expect_deletion(session_id)
        if excluded and epoch is not None:
            await self.listen(session_id)

    async def _alone(self, session_id: SessionId, work: Callable[[SessionId], Awaitable[None]]) -> None:
        """What one session has brought about costs nobody else the stream, the list or the program."""
        try:
            await work(session_id)
        except Exception as failure:
            self._metrics.loop_failed("listening to one session")
            self._log.error("not listened to", session_id=session_id, why=words(failure), frames=frames(failure))
