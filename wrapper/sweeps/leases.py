"""Lease: says that this wrapper lives, and decides from when on it may judge that others do not (design 5 and 7.2)."""

import asyncio
from collections.abc import Callable

from callplane.contracts.errors import Trouble, Unavailable
from callplane.telemetry.logs import logger
from wrapper.context import Context


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

    async def alive(self) -> frozenset[str]:
        """Who lives, once the leases that are over have been deleted."""
        store = self._context.store
        alive, over = await store.wrappers.census()
        if over and (dead := await store.wrappers.delete_expired()):
            self._log.warning("wrappers died", dead=dead)
            self._context.metrics.died(len(dead))
            await self.forget_strays()
        return alive

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
            await store.servers.remove_contacts(strays)

    async def release(self) -> None:
        """At a peaceful end: survivors need not wait. Unavailable is no error here, the lease runs out by itself."""
        try:
            await self._context.store.servers.remove_contacts([self._context.wrapper])
            await self._context.store.sweep_leases.release(self._context.wrapper)
            await self._context.store.wrappers.release(self._context.wrapper)
        except (Unavailable, Trouble):
            self._log.warning("the lease could not be given back")
