"""Link for hints of a pod: kept, made again when it ends, with the bindings that are wanted, in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from callplane.bus.hint_ports import HintBus, HintLink, OnHint
from callplane.bus.mailbox_ports import LinkLost
from callplane.concurrency import alongside
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.telemetry.logs import logger

AGAIN_SECONDS = 0.5


class PodHintLink:
    """Binds sessions one after the other: an unbinding never overtakes the binding that follows it."""

    def __init__(self, bus: HintBus, on_hint: OnHint, linked: Callable[[], Awaitable[None]]) -> None:
        self._bus = bus
        self._on_hint = on_hint
        self._linked = linked
        """Awaited each time when everything that is wanted is bound on a new link, and again where it could not."""
        self._wanted: set[SessionId] = set()
        """What is to be bound."""
        self._bound: set[SessionId] = set()
        """What is bound on the present link, as far as is known."""
        self._link: HintLink | None = None
        """The present one; None while the broker is away."""
        self._changes: deque[tuple[SessionId, asyncio.Future[None]]] = deque()
        """Sessions whose binding is to be made as ``_wanted`` says, and who waits for that."""
        self._changed = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether hints come at the moment."""
        return self._link is not None and not self._link.ended.is_set()

    async def bind(self, session_id: SessionId) -> None:
        """Back when hints come, or cannot come now: then what is missed is found by looking."""
        if session_id in self._bound and session_id in self._wanted and self.is_up:
            return
        self._wanted.add(session_id)
        await self._change(session_id)

    def rebind(self, session_id: SessionId) -> None:
        """A hint of it did not come: its binding may be gone."""
        self._bound.discard(session_id)
        self._change(session_id)

    def unbind(self, session_id: SessionId) -> None:
        """No more hints of it, soon."""
        self._wanted.discard(session_id)
        self._change(session_id)

    def _change(self, session_id: SessionId) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        if self.is_up:
            self._changes.append((session_id, done))
            self._changed.set()
        else:
            done.set_result(None)
        return done

    async def run(self) -> None:
        """Keep a link until cancelled."""
        while True:
            try:
                async with self._bus.connect(self._on_hint) as link:
                    self._bound.clear()
                    for session_id in tuple(self._wanted):
                        await link.bind(session_id)
                        self._bound.add(session_id)
                    self._link = link
                    for session_id in self._wanted ^ self._bound:
                        self._change(session_id)
                    async with alongside(self._carry_out(link), self._tell_linked()):
                        await link.ended.wait()
            except (Unavailable, Trouble, LinkLost) as trouble:
                logger("hints").warning("no link", trouble=str(trouble))
            finally:
                self._link = None
                while self._changes:
                    self._done(self._changes.popleft()[1])
            await asyncio.sleep(AGAIN_SECONDS)

    async def _tell_linked(self) -> None:
        """Until it is done: what it reads from may be away, of which the link knows nothing."""
        while True:
            try:
                return await self._linked()
            except (Unavailable, Trouble) as trouble:
                logger("hints").warning("what came while there was no link is not read yet", trouble=str(trouble))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _carry_out(self, link: HintLink) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._changes:
                session_id, done = self._changes.popleft()
                try:
                    with suppress(LinkLost):
                        if session_id in self._wanted and session_id not in self._bound:
                            await link.bind(session_id)
                            self._bound.add(session_id)
                        elif session_id not in self._wanted and session_id in self._bound:
                            self._bound.discard(session_id)  # before it is: who wants it meanwhile binds it again
                            await link.unbind(session_id)
                finally:
                    self._done(done)

    @staticmethod
    def _done(done: asyncio.Future[None]) -> None:
        if not done.done():
            done.set_result(None)
