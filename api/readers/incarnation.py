"""Incarnation of a pod: the lease under whose name it attaches seats; one that lapsed is followed by another."""

import asyncio
from collections.abc import Callable

from callplane.concurrency import pause_unless
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import new_id
from callplane.store.incarnations import Incarnations
from callplane.telemetry.logs import logger


class Incarnation:
    """The present one. It is registered before anything bears its name, and renewed each second."""

    def __init__(self, incarnations: Incarnations, lease: float, on_lapsed: Callable[[], None]) -> None:
        self._incarnations = incarnations
        self._lease = lease
        self._on_lapsed = on_lapsed
        """Told when nobody may count on it any more, before another begins."""
        self.name: str | None = None
        """None while there is none that is registered."""
        self._renewed_at = 0.0
        """The loop time at which the last renewal that came through was begun."""

    @property
    def lives(self) -> bool:
        """Whether its lease runs for sure: by our clock since before the database stamped it."""
        return self.name is not None and asyncio.get_running_loop().time() - self._renewed_at < self._lease

    async def renew(self) -> None:
        """Renew it, or where it has lapsed begin another. Raises Unavailable and Trouble."""
        self.watch()
        clock = asyncio.get_running_loop().time
        began = clock()
        if self.name is not None and not await self._incarnations.renew(self.name):
            self._lapse()
        if self.name is None:
            began, name = clock(), new_id()
            await self._incarnations.register(name)
            self.name = name
        self._renewed_at = began

    async def keep(self, stopping: asyncio.Event, every: float) -> None:
        """Do so until the pod stops."""
        while not await pause_unless(stopping, every):
            try:
                await self.renew()
            except (Unavailable, Trouble) as trouble:
                logger("readers").warning("the incarnation was not renewed", trouble=str(trouble))

    def watch(self) -> None:
        """End it when its lease is over, which ``keep`` may learn only later, as it waits for the database."""
        if self.name is not None and not self.lives:
            self._lapse()

    def _lapse(self) -> None:
        if self.name is not None:
            logger("readers").warning("the incarnation has lapsed", incarnation=self.name)
            self.name = None
            self._on_lapsed()

    async def release(self) -> None:
        """End it in peace. Raises Unavailable."""
        if self.name is not None:
            await self._incarnations.release(self.name)
            self.name = None
