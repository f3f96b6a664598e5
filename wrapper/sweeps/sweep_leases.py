"""Leases of sweeps: which are this wrapper's to do, looked up, and renewed, once a second for all of them together."""

import asyncio
from collections.abc import Awaitable, Callable

from callplane.store import sweep_leases
from callplane.telemetry.logs import logger

SAID_SECONDS = 0.5
BELIEVED = 2.0
"""Seconds that a look is old, at most, for a sweep to be taken for ours by it; a lease is longer."""

Sweep = Callable[[], Awaitable[None]]


class OwnSweeps:
    """This wrapper's part in what one does for all."""

    def __init__(self, leases: sweep_leases.SweepLeases, wrapper: str) -> None:
        self._leases = leases
        self._wrapper = wrapper
        self._seen: dict[str, sweep_leases.SweepLease] = {}
        """Sweep → its lease, as last read."""
        self._held: set[str] = set()
        """The sweeps that were ours when we last asked for them."""
        self._looked = float("-inf")
        """When we last read them (the loop's time)."""
        self._done: set[str] = set()
        """Ours that were begun since, whose leases the next look renews."""
        self._said: dict[str, float] = {}
        """Sweep → when we last said that it is too much for one (the loop's time)."""
        self._log = logger("duties")

    async def look(self) -> None:
        """Renew what we do, then read who does what. Raises Unavailable.

        What hangs is not begun again, and so is not renewed: another does it when its lease is over.
        """
        now = asyncio.get_running_loop().time()
        if done := self._done:
            self._done = set()
            await self._leases.renew(done, self._wrapper)
        self._seen = await self._leases.all()
        self._looked = now

    async def mine(self, sweep: str) -> bool:
        """Whether we are to do it now: nobody else does, or whoever does cannot do all of it alone.

        Raises Unavailable.
        """
        seen = self._seen.get(sweep)
        if seen is not None and seen.held and seen.holder != self._wrapper:
            self._held.discard(sweep)
            return seen.crowded
        if seen is not None and seen.held and sweep in self._held and self._is_fresh():
            self._done.add(sweep)
            return True
        taken = await self._leases.take(sweep, self._wrapper)
        if taken and sweep not in self._held:
            self._log.info("a sweep is ours", sweep=sweep)
        (self._held.add if taken else self._held.discard)(sweep)
        return taken

    def _is_fresh(self) -> bool:
        return asyncio.get_running_loop().time() - self._looked <= BELIEVED

    async def crowded(self, sweep: str) -> None:
        """There is more to do, or other, than one can: everybody is to help. Raises Unavailable."""
        now = asyncio.get_running_loop().time()
        if now - self._said.get(sweep, -SAID_SECONDS) >= SAID_SECONDS:
            self._said[sweep] = now
            await self._leases.crowd(sweep)

    def only_if_mine(self, name: str, sweep: Sweep, able: Callable[[], bool]) -> Sweep:
        """The sweep, done while it is ours; who is not able leaves it, or gives it up by not renewing it."""

        async def round_() -> None:
            if able() and await self.mine(name):
                await sweep()

        round_.__qualname__ = name
        return round_

    async def release(self) -> None:
        """Give back what we have. Raises Unavailable."""
        await self._leases.release(self._wrapper)
