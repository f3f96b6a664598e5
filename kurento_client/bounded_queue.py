"""Bounded queue, read by `async for`."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """Items in order, never more than `limit` waiting; the iteration ends when it was closed and is empty.

    Cancelling a pending read loses nothing, so a deadline around `anext` is safe.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._changed = asyncio.Event()  # Set when there is an item, or no more will be.
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, item: T) -> bool:
        """Add an item; False, and nothing added, when the queue is full."""
        if len(self._items) >= self._limit:
            return False
        self._add(item)
        return True

    def push(self, item: T) -> None:
        """Add an item, at the oldest one's cost when the queue is full."""
        if len(self._items) >= self._limit:
            self._items.popleft()
        self._add(item)

    def close(self) -> None:
        """Take nothing more; what waits can still be read."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> "BoundedQueue[T]":
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()

    def _add(self, item: T) -> None:
        if not self._closed:
            self._items.append(item)
            self._changed.set()
