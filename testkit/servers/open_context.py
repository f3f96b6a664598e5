"""An async context that stays open while a runner runs one thing after the other."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def open_context(runner: asyncio.Runner, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """The context in a task of its own, for task groups end in the task in which they began."""
    opened: asyncio.Future[T] = runner.get_loop().create_future()
    over = asyncio.Event()

    async def keep() -> None:
        async with context as made:
            opened.set_result(made)
            await over.wait()

    keeping = runner.get_loop().create_task(keep())

    async def first() -> None:
        waited: set[asyncio.Future[Any]] = {keeping, opened}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)

    async def last() -> None:
        over.set()
        await keeping

    runner.run(first())
    try:
        if opened.done():
            yield opened.result()
    finally:
        runner.run(last())
