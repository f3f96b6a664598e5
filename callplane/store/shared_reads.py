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


class SharedReads(Generic[K, V]):
    """Reads of a key follow each other; a failure is told to its own asker, and the next one reads for itself."""

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
                if reading.found is None or reading.found[0] < asked:
                    began = next(self._times)
                    reading.found = began, await self._read(key)
                return reading.found[1]
        finally:
            reading.asking -= 1
            if not reading.asking:
                del self._readings[key]

    def __len__(self) -> int:
        return len(self._readings)
