"""Work for a client that may leave before it is done."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from callplane.contracts.errors import Refusal

T = TypeVar("T")


async def unless_gone(work: Awaitable[T], request: Request) -> T | None:
    """The outcome of ``work``, which is cancelled when the client leaves: uvicorn does not cancel the handler."""
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(_gone(request))
        working = tasks.create_task(_outcome(work))
        await asyncio.wait((leaving, working), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        working.cancel()
    if working.cancelled():
        if not leaving.cancelled():
            return None
        raise Refusal("unavailable", "The poll ended before its time.")  # An empty 200 would say "no messages".
    outcome = working.result()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _outcome(work: Awaitable[T]) -> T | Exception:
    """The result or the exception, as a value: a task group would wrap it into a group."""
    try:
        return await work
    except Exception as failure:
        return failure


async def _gone(request: Request) -> None:
    """Back when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
