"""Read barrier: a write that a majority must have, before what a primary reads is believed (decision 21).

A member that was elected a moment ago reads at ``majority`` what it knows a majority to have, and learns that from
those who follow it: for a second or two it leaves out what was acknowledged long before (measured, and a chaos of
three mongods has read a state of 14 s ago). A write that a majority has followed ends that. One that stood still and
does not know yet that another was elected answers such a write no more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

import pymongo
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.topology_description import TOPOLOGY_TYPE, TopologyDescription

T = TypeVar("T")
Primary = tuple[Any, ...]
"""A member and the election that made it primary."""

SILENT_SECONDS = 4.0
"""For so long a primary that has answered nothing is believed: less than an election takes that its silence begins
(``electionTimeoutMillis``, 10 s unless it is told otherwise)."""

WITHIN = 5.0
"""Seconds for a read that is done once more, with its write: as long as ``timeoutMS``."""

_NO_SET = (TOPOLOGY_TYPE.Sharded, TOPOLOGY_TYPE.LoadBalanced)


@dataclass(eq=False)
class Primaries:
    """Which primary a client sees; behind a ``mongos`` always the same."""

    client: AsyncMongoClient[Any]
    _description: TopologyDescription | None = None
    _seen: Primary | None = None

    def now(self) -> Primary | None:
        """None while there is none."""
        description = self.client.topology_description
        if description is not self._description:
            self._description, self._seen = description, _primary_of(description)
        return self._seen


@dataclass(eq=False)
class ReadBarrier:
    """Which primary is believed, for all reads of one client; ``write`` changes nothing, and a majority has it."""

    primary: Callable[[], Primary | None]
    write: Callable[[], Awaitable[object]]
    clock: Callable[[], float] = monotonic
    _believed: Primary | None = None
    """The primary that a majority has followed."""
    _heard: float = field(default=float("-inf"), init=False)
    """When that was asked last which it has answered."""
    _writing: asyncio.Task[None] | None = field(default=None, init=False)
    """One for all who wait for it, and what it raises is for all of them."""

    async def believed(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read of a primary that is one. Raises what the driver raises, in time."""
        before, asked = self.primary(), self.clock()
        if before is not None and before == self._believed:
            found = await read()
            if self._stands(before, asked):
                return found
        with pymongo.timeout(WITHIN):
            while True:
                await self._written()
                before, asked = self.primary(), self.clock()
                found = await read()
                if self._stands(before, asked):
                    return found

    def _stands(self, before: Primary | None, asked: float) -> bool:
        """Whether what was asked then was answered by the believed one, which was heard of not long before."""
        if before is None or before != self._believed or before != self.primary():
            return False
        if self.clock() - self._heard > SILENT_SECONDS:
            return False
        self._heard = max(self._heard, asked)
        return True

    async def _written(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())
        await self._writing

    async def _write(self) -> None:
        before, asked = self.primary(), self.clock()
        await self.write()
        if before == self.primary():  # else it is not known whose answer that was
            self._believed, self._heard = before, asked


def _primary_of(description: TopologyDescription) -> Primary | None:
    if description.topology_type in _NO_SET:
        return ("whoever answers",)
    for server in description.server_descriptions().values():
        if server.is_writable:
            return (server.address, server.election_id, server.set_version)
    return None
