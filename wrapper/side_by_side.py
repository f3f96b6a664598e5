"""Work on many subjects, some of them at a time: each waits for a database and a media server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 16


async def side_by_side(work: Callable[[T], Awaitable[None]], subjects: Iterable[T], *, at_once: int = AT_ONCE) -> None:
    """Some at a time. Raises what the first of them raised, when the others have come to their own end or failure."""
    waiting = iter(subjects)

    async def some() -> None:
        for subject in waiting:
            await work(subject)

    for outcome in await asyncio.gather(*(some() for _ in range(at_once)), return_exceptions=True):
        if outcome is not None:
            raise outcome
