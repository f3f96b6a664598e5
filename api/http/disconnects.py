"""Disconnects: ends work whose client has left, and begins none for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

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
    """Whether that is what there is to be heard now: the first step of hearing says it, or waits and is given up.

    The framework's own asks within a cancelled scope, which costs ten times that (measured).
    """
    hearing = request.receive().__await__()
    try:
        next(hearing)
    except StopIteration as heard:
        return bool(heard.value["type"] == "http.disconnect")
    hearing.close()
    return False


async def _gone(request: Request) -> None:
    """Back when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
