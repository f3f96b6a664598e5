"""Pending replies: a future for each request that waits for the reply to its command."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from callplane.contracts.ids import CommandId
from callplane.contracts.replies import Reply
from callplane.telemetry.logs import logger

log = logger("bus")


class PendingReplies:
    """A future per request that waits for the reply to a command; a late reply finds nobody and is dropped."""

    def __init__(self) -> None:
        # A list: a client may repeat a command on this process while its first request still waits.
        self._futures: dict[str, list[asyncio.Future[Reply]]] = {}

    @contextmanager
    def waiter(self, command_id: CommandId) -> Iterator[asyncio.Future[Reply]]:
        """A future for the block, which the next reply to the command fulfils."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(command_id, []).append(future)
        try:
            yield future
        finally:
            futures = self._futures.get(command_id, [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._futures.pop(command_id, None)

    def answered(self, body: bytes) -> None:
        """A reply came in."""
        try:
            reply = Reply.model_validate_json(body)
        except ValidationError:
            log.error("reply unreadable", bytes=len(body))
            return
        for future in self._futures.pop(reply.command_id, []):
            if not future.done():
                future.set_result(reply)

    def __len__(self) -> int:
        """How many commands are waited for."""
        return len(self._futures)


async def reply_within(seconds: float, reply: asyncio.Future[Reply]) -> Reply | None:
    """The reply, or None when it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            return await reply
    except TimeoutError:
        return None
