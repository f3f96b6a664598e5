"""Bounded queue of the latest: what nobody takes in time makes room for what comes, and is counted."""

import asyncio
from collections import deque
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """So many at most; it can be iterated, until it is closed and empty."""

    def __init__(self, most: int) -> None:
        self._items: deque[T] = deque(maxlen=most)
        self._came = asyncio.Event()
        self.is_closed = False
        self.dropped = 0
        """How many nobody took in time."""

    def put(self, item: T) -> None:
        """Have it taken, in the place of the oldest where there is no room."""
        self.dropped += len(self._items) == self._items.maxlen
        self._items.append(item)
        self._came.set()

    def close(self) -> None:
        """Nothing comes any more; what is there can be taken."""
        self.is_closed = True
        self._came.set()

    async def get(self) -> T:
        """The next. EOFError: there is none any more."""
        while not self._items:
            if self.is_closed:
                raise EOFError
            self._came.clear()
            await self._came.wait()
        return self._items.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except EOFError:
            raise StopAsyncIteration from None
