"""Engine choice: how messages and commands of a new session go, as settings say, once every living program knows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from callplane.store.leases import Leases
from callplane.store.shared_reads import SharedReads
from callplane.telemetry.logs import logger

BELIEVED = 1.0
"""Seconds for which the leases are not asked again: whoever starts meanwhile has been waited for by who rolls out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How messages of a session go, in which queue its commands wait, and whether its signals' keys are in records."""

    engine: Engine = "queues"
    commands: CommandQueues = "per-session"
    keyed_records: bool = False


QUEUES = Choice()
"""What every program knows."""


class EngineChoice:
    """The settings, held against the leases: a program of before the log would lose what a session of it says."""

    def __init__(self, wanted: Engine, leases: Sequence[Leases], commands: CommandQueues = "per-session") -> None:
        self._wanted = wanted
        self._commands = commands
        self._leases = leases
        self._chosen = QUEUES
        """What was chosen last."""
        self._asked_at = -BELIEVED
        """When that was begun, in loop time."""
        self._asking: SharedReads[None, None] = SharedReads(self._ask)
        """Many sessions that are made at once ask the leases once."""

    async def of_new_session(self, published: CommandQueues) -> Choice:
        """What a session begins with that is made now by who publishes there. Raises Unavailable and Trouble."""
        if self._wanted == "queues":
            return QUEUES
        if asyncio.get_running_loop().time() - self._asked_at >= BELIEVED:
            await self._asking(None)
        return self._chosen if published == "sharded" else replace(self._chosen, commands="per-session")

    async def _ask(self, _: None) -> None:
        began = asyncio.get_running_loop().time()
        self._chosen = await self._choose()
        self._asked_at = began

    async def _choose(self) -> Choice:
        for leases in self._leases:
            if not await leases.all_know(self._wanted):
                logger("engines").warning("a program does not know the engine yet: sessions get queues", wanted="log")
                return QUEUES
        keyed = [await leases.all_know_keyed_records() for leases in self._leases]
        return Choice(self._wanted, await self._command_queues(), all(keyed))

    async def _command_queues(self) -> CommandQueues:
        """A program that takes nothing from shards would make queues of sessions that have none, and find nobody."""
        if self._commands == "sharded":
            for leases in self._leases:
                if not await leases.all_know_shards():
                    logger("engines").warning("a program takes nothing from shards yet: sessions get queues")
                    return "per-session"
        return self._commands
