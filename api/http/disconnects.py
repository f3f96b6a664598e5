"""Disconnects: ends work whose client has left, and begins none for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from callplane.concurrency import single_exception
from callplane.contracts.refusals.mailboxes import poll_cut_short

T = TypeVar("T")

_TURNS = 3
"""Turns of the loop until it has told of the end of a connection that stands in the socket behind the request: one to
read it, one to close, one more to be told."""


class ClientDisconnected(Exception):
    """Raised where nobody would hear the answer; the edge sends none, and counts the request as left."""


async def or_disconnect(work: Coroutine[Any, Any, T], request: Request) -> T | None:
    """The outcome of ``work``, which is cancelled when the client leaves: uvicorn does not cancel the handler."""
    with single_exception():
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(_gone(request))
            working = tasks.create_task(work)
            await asyncio.wait((leaving, working), return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            working.cancel()
    if working.cancelled():
        if not leaving.cancelled():
            return None
        raise poll_cut_short()  # An empty 200 would say "no messages".
    return working.result()


async def require_connected(request: Request) -> None:
    """Go on only for a client that is there. Raises ClientDisconnected.

    A request can lie in the socket of a process that is paused for longer than its client waits for the answer.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    try:
        await request.body()  # also of a request that has none the loop tells the end first, once
    except ClientDisconnect:
        raise ClientDisconnected from None
    if _has_left(request):
        raise ClientDisconnected


def _has_left(request: Request) -> bool:
    told = told_now(request)
    return told is not None and told["type"] == "http.disconnect"


def told_now(request: Request) -> Message | None:
    """What the server tells of a request without waiting; None: nothing new.

    Its first step of telling says it, or waits, and is given up. A timeout, or a cancelled scope as the framework's own
    question has, costs ten times that (measured).
    """
    telling = request.receive().__await__()
    try:
        next(telling)
    except StopIteration as told:
        message: Message = told.value
        return message
    telling.close()
    return None


async def _gone(request: Request) -> None:
    """Back when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
