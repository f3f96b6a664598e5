"""Shared read: what many ask for at once is read once, for all who asked before the read began."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Reading(Generic[V]):
    """What is read of one key, for as long as somebody asks."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: int = 0
    """How many ask."""
    found: tuple[int, V] | None = None
    """When the last read that succeeded began, by our count, and what it found."""
    failed: tuple[int, Exception] | None = None
    """The same of the last that failed, and why."""


class SharedReads(Generic[K, V]):
    """Reads of a key follow each other, and whatever comes of one is told to all who asked before it began.

    Also a failure: where the database is away each read takes seconds, and they would wait for one after the other.
    """

    def __init__(self, read: Callable[[K], Awaitable[V]]) -> None:
        self._read = read
        self._times = count()
        self._readings: dict[K, _Reading[V]] = {}
        """By key, while somebody asks."""

    async def __call__(self, key: K) -> V:
        """What a read finds that began after this was called. Raises what the read raises."""
        asked = next(self._times)
        reading = self._readings.setdefault(key, _Reading())
        reading.asking += 1
        try:
            async with reading.turn:
                return await self._share(key, reading, asked)
        finally:
            reading.asking -= 1
            if not reading.asking:
                del self._readings[key]

    async def _share(self, key: K, reading: _Reading[V], asked: int) -> V:
        if reading.found is not None and reading.found[0] > asked:
            return reading.found[1]
        if reading.failed is not None and reading.failed[0] > asked:
            raise reading.failed[1]
        began = next(self._times)
        try:
            found = await self._read(key)
        except Exception as failure:
            reading.failed = began, failure
            raise
        reading.found = began, found
        return found

    def __len__(self) -> int:
        return len(self._readings)
