"""Saying that we live, and taking over what the dead have left (design 5 and 7.2)."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.documents import ConnectionDocument
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.endpoint_state import act_on, fresh
from wrapper.negotiation.reconcile import owner_of, reconcile
from wrapper.sweeps.items import Items

WAIT_FOR_SERVERS = ("place", "release-lost-pipeline")
"""Chores that wait for a media server."""


class Leases:
    """Renews our own lease; judges others only a full lease after it could."""

    def __init__(self, context: Context, lease_seconds: float, broker_up: Callable[[], bool]) -> None:
        self._context = context
        self._lease = lease_seconds
        self._broker_up = broker_up
        self.renewed_since: float | None = None
        """The loop's time since which every renewal has succeeded; None while the store is away."""
        self.reachable_since: float | None = None
        """Since when, at each renewal, the broker was there too: before that nobody could read a mailbox."""
        self.adopted = asyncio.Event()
        """Set when there may be something new to hear."""
        self._items = Items("abandoned", context.metrics)
        self._unheard: set[str] = set()
        self._hearing = asyncio.Lock()
        self._log = logger("leases")

    async def renew(self) -> None:
        """Renew, and correct the clock by database time. Raises Unavailable, Trouble: a full lease must pass after."""
        try:
            await self._context.store.wrappers.renew(self._context.wrapper)
            await self._context.store.clock.sync()
        except (Unavailable, Trouble):
            self.renewed_since = self.reachable_since = None
            raise
        now = asyncio.get_running_loop().time()
        self.renewed_since = self.renewed_since or now
        self.reachable_since = (self.reachable_since or now) if self._broker_up() else None

    def may_judge(self) -> bool:
        """Whether we have been able to renew for a full lease, so that others had their chance."""
        since = self.renewed_since
        return since is not None and asyncio.get_running_loop().time() - since >= self._lease

    async def forget_strays(self) -> None:
        """Nobody who is not alive counts as reaching a media server, or that server could never be down.

        Compared each time with who lives, and not when somebody is buried: whoever buries may die before it forgets,
        and of one that ends in peace a last word may arrive after its farewell.
        """
        if not self.may_judge():
            return
        store = self._context.store
        contacts = await store.servers.contacts()
        strays = contacts - await store.wrappers.alive()  # read second, see ``contacts``
        if strays:
            self._log.info("contacts of the dead", wrappers=sorted(strays))
            await store.servers.forget(strays)

    async def judge(self) -> None:
        """Bury dead wrappers, and adopt the connections of whoever is not alive."""
        if not self.may_judge():
            return
        store = self._context.store
        alive, over = await store.wrappers.census()
        if over and (dead := await store.wrappers.delete_expired()):
            self._log.warning("wrappers died", dead=dead)
            self._context.metrics.died(len(dead))
            await self.forget_strays()
        if self._context.wrapper not in alive:
            return
        orphans = await store.owners.orphans(alive)
        random.shuffle(orphans)  # or every survivor would begin with the same, and all but one in vain
        await for_each(self._adopt, orphans)

    async def give_up_abandoned(self) -> None:
        """Release what was offered and is acted for by nobody: its command is lost."""
        if not self.may_judge():
            return
        store = self._context.store
        abandoned = await store.connections.abandoned(await store.wrappers.alive(), seconds=60)
        await self._items.each({connection.id: connection for connection in abandoned}, self._give_up)

    async def _give_up(self, connection: ConnectionDocument) -> None:
        released = await self._context.store.connections.release_abandoned(connection.id, connection.claims)
        if released is not None:
            self._context.metrics.ghost("connection")
        self._context.follow_ups.schedule(released)

    async def _adopt(self, orphan: ConnectionDocument) -> None:
        """Own it, if its owner is still the one that was found dead."""
        if orphan.endpoint is None or not await self._context.media.is_up(orphan.endpoint.server):
            return
        ours = True  # unless the answer to the write says otherwise, which may be lost
        try:
            ours = await self._context.store.owners.adopt(orphan, self._context.wrapper)
            if ours:
                self._context.metrics.adopted()
        finally:
            if ours:
                self._unheard.add(orphan.id)
                self.adopted.set()

    async def hear(self) -> None:
        """Hear what was adopted. A sweep of its own, as it may take long: the next wrapper may die meanwhile."""
        async with self._hearing:
            await for_each(self._hear, sorted(self._unheard))

    async def _hear(self, connection_id: str) -> None:
        """Hear what we own under our own Kurento session and settle it; what fails is tried again by ``hear``."""
        self._unheard.discard(connection_id)
        done = False
        try:
            done = await self._heard(connection_id)
        finally:
            if not done:  # taken out first, for what is missed while it is heard is heard once more
                self._unheard.add(connection_id)

    async def _heard(self, connection_id: str) -> bool:
        found = await self._context.store.connections.find(connection_id)
        if found is None or found.state != "ready" or found.owner != self._context.wrapper or found.endpoint is None:
            return True
        certain, until = True, fresh(self._context)
        try:
            with suppress(Gone):  # settling says what is gone, the endpoint alone or its pipeline
                state = await self._context.media.hear(found.endpoint, owner_of(found))
                certain = await act_on(state, found, self._context, until)
            await reconcile(found.id, self._context)
        except (Trouble, Gone) as trouble:
            self._log.warning("not settled", connection_id=found.id, session_id=found.session_id, why=str(trouble))
        except Unavailable:
            raise
        except Exception as failure:  # of this connection: there are others
            self._log.error("not settled", connection_id=found.id, session_id=found.session_id, why=words(failure))
        else:
            return certain
        return False

    def missed(self, connection_id: str) -> None:
        """What was said of it could not be told or written down: it is heard anew, until that has been done."""
        self._unheard.add(connection_id)

    async def cut_off(self, server: str) -> None:
        """We do not reach it while others do: they adopt what we own there (design 7.1)."""
        me, store = self._context.wrapper, self._context.store
        for connection in await store.owners.ready_on(me, server):
            # Asked each time: of a killed server the others say a moment later that they do not reach it either.
            if not await store.servers.reached_by_others(server, me):
                return
            await store.owners.disown(connection.id, me)

    def reaches(self, server: str) -> bool:
        """Whether we have a socket to that media server now."""
        return server in self._context.media.reached()

    async def came_back(self, server: str) -> None:
        """Our socket is there again: hear and settle what we own there, for events in between were lost.

        What was put off because nobody reached a media server is due: we may have been the one to try it.
        """
        await self._context.store.sessions.make_due(WAIT_FOR_SERVERS)
        ours = [c.id for c in await self._context.store.owners.ready_on(self._context.wrapper, server)]
        async with self._hearing:  # what was heard before the socket was lost is not heard now
            self._unheard.update(ours)
            await for_each(self._hear, ours)

    async def release(self) -> None:
        """At a peaceful end: survivors need not wait. Unavailable is no error here, the lease runs out by itself."""
        try:
            await self._context.store.servers.forget([self._context.wrapper])
            await self._context.store.duties.release(self._context.wrapper)
            await self._context.store.wrappers.release(self._context.wrapper)
        except (Unavailable, Trouble):
            self._log.warning("the lease could not be given back")
