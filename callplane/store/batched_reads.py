"""Batched read: keys that are asked for while a read is under way are read together by the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from callplane.contracts.errors import Trouble, Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BatchedReads(Generic[K, V]):
    """One read at a time, of so many keys at most, in the order in which they were asked for.

    ``read`` returns a value for each key that it is given.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], most: int) -> None:
        self._read = read
        self._most = most
        self._turn = asyncio.Lock()
        """Held by who reads for all."""
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        """Whose key is in no read yet, in the order in which they came."""

    async def __call__(self, key: K) -> V:
        """What a read finds that begins after this was called. Raises Unavailable and Trouble, as the read does."""
        mine: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, mine))
        try:
            async with self._turn:
                while not mine.done():
                    await self._read_some()
            return mine.result()
        finally:
            if not mine.done():
                mine.cancel()

    async def _read_some(self) -> None:
        some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        some = [(key, one) for key, one in some if not one.done()]  # without who has left
        try:
            found = await self._read([key for key, _ in some])
        except (Unavailable, Trouble) as failure:
            for _, one in some:
                if not one.done():
                    one.set_exception(_copy(failure))
        except BaseException:
            self._waiting[:0] = some  # who read for them has left: the next of them does
            raise
        else:
            for key, one in some:
                if not one.done():
                    one.set_result(found[key])


def _copy(failure: Exception) -> Exception:
    """The same for another to raise; not every kind can be made of what it says."""
    copy = type(failure).__new__(type(failure), *failure.args)
    copy.__dict__.update(failure.__dict__)
    return copy
