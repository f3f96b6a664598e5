"""Engine choice: how messages of a new session go, as the setting says, once every living program knows that way."""

import asyncio
from collections.abc import Sequence

from callplane.contracts.engines import Engine
from callplane.store.leases import Leases
from callplane.telemetry.logs import logger

BELIEVED = 1.0
"""Seconds for which the leases are not asked again: whoever starts meanwhile has been waited for by who rolls out."""


class EngineChoice:
    """The setting, held against the leases: a program of before the log would lose what a session of it says."""

    def __init__(self, wanted: Engine, leases: Sequence[Leases]) -> None:
        self._wanted = wanted
        self._leases = leases
        self._chosen: Engine = "queues"
        """What was chosen last."""
        self._asked_at = -BELIEVED
        """When that was, in loop time."""

    async def of_new_session(self) -> Engine:
        """What a session that is made now begins with. Raises Unavailable and Trouble."""
        if self._wanted == "queues":
            return "queues"
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= BELIEVED:
            self._chosen = await self._choose()
            self._asked_at = now
        return self._chosen

    async def _choose(self) -> Engine:
        for leases in self._leases:
            if not await leases.all_know(self._wanted):
                logger("engines").warning("a program does not know the engine yet: sessions get queues", wanted="log")
                return "queues"
        return self._wanted
