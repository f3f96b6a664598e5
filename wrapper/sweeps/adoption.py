"""Adoption: takes over the connections of wrappers that died, and those whose events were lost (design 5 and 7)."""

import asyncio
import random
from contextlib import suppress

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ConnectionId
from callplane.store.documents import ConnectionDocument
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.endpoint_state import act_on, fresh
from wrapper.negotiation.reconcile import owner_of, reconcile
from wrapper.sweeps.items import Items
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.lost_servers import WAIT_FOR_SERVERS


class Adoption:
    """Owns what nobody owns, and subscribes to the events of what it owns, again and again until that is done."""

    def __init__(self, context: Context, leases: Leases) -> None:
        self._context = context
        self._leases = leases
        self.adopted = asyncio.Event()
        """Set when there may be something new to subscribe to."""
        self._items = Items("abandoned", context.metrics)
        self._unsubscribed: set[ConnectionId] = set()
        """Connections of ours whose events we are to subscribe to, for the first time or anew."""
        self._subscribing = asyncio.Lock()
        """Held by one round: what was subscribed to before a socket was lost is not subscribed to after."""
        self._log = logger("leases")

    async def take_over(self) -> None:
        """Bury dead wrappers, and adopt the connections of whoever is not alive."""
        if not self._leases.may_judge():
            return
        alive = await self._leases.alive()
        if self._context.wrapper not in alive:
            return
        orphans = await self._context.store.owners.orphans(alive)
        random.shuffle(orphans)  # or every survivor would begin with the same, and all but one in vain
        await for_each(self._adopt, orphans)

    async def release_abandoned(self) -> None:
        """Release what was offered and is acted for by nobody: its command is lost."""
        if not self._leases.may_judge():
            return
        store = self._context.store
        abandoned = await store.connections.abandoned(await store.wrappers.alive(), seconds=60)
        await self._items.each({connection.id: connection for connection in abandoned}, self._release)

    async def _release(self, connection: ConnectionDocument) -> None:
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
                self._unsubscribed.add(orphan.id)
                self.adopted.set()

    async def resubscribe(self) -> None:
        """Subscribe to what was adopted. A sweep of its own, for it may take long: the next may die meanwhile."""
        async with self._subscribing:
            await for_each(self._resubscribe, sorted(self._unsubscribed))

    async def _resubscribe(self, connection_id: ConnectionId) -> None:
        """Subscribe under our own Kurento session and reconcile; what fails is tried again by ``resubscribe``."""
        self._unsubscribed.discard(connection_id)
        done = False
        try:
            done = await self._subscribed(connection_id)
        finally:
            if not done:  # taken out first: what is missed meanwhile is subscribed to once more
                self._unsubscribed.add(connection_id)

    async def _subscribed(self, connection_id: ConnectionId) -> bool:
        """Whether nothing of it is to be done again."""
        found = await self._context.store.connections.find(connection_id)
        if found is None or found.state != "ready" or found.owner != self._context.wrapper or found.endpoint is None:
            return True
        certain, until = True, fresh(self._context)
        try:
            with suppress(Gone):  # reconciling says what is gone, the endpoint alone or its pipeline
                state = await self._context.media.subscribe(found.endpoint, owner_of(found))
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

    def missed(self, connection_id: ConnectionId) -> None:
        """What was said of it could not be told or written down: it is subscribed to anew, until that has been done."""
        self._unsubscribed.add(connection_id)

    async def cut_off(self, server: str) -> None:
        """We do not reach it while others do: they adopt what we own there (design 7.1)."""
        me, store = self._context.wrapper, self._context.store
        for connection in await store.owners.owned_by(me, server):
            # Asked each time: of a killed server the others say a moment later that they do not reach it either.
            if not await store.servers.reached_by_others(server, me):
                return
            await store.owners.disown(connection.id, me)

    async def came_back(self, server: str) -> None:
        """Our socket is there again: subscribe to and reconcile what we own there: events were lost.

        What was put off because nobody reached a media server is due: we may have been the one to try it.
        """
        await self._context.store.sessions.make_due(WAIT_FOR_SERVERS)
        ours = [c.id for c in await self._context.store.owners.owned_by(self._context.wrapper, server)]
        async with self._subscribing:  # what was subscribed to before the socket was lost is not now
            self._unsubscribed.update(ours)
            await for_each(self._resubscribe, ours)

    def reaches(self, server: str) -> bool:
        """Whether we have a socket to that media server now."""
        return server in self._context.media.reached()
