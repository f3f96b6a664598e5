"""Pending replies: requests that wait for the replies to their commands, each until a time of its own."""

import asyncio

from pydantic import ValidationError

from callplane.contracts.ids import CommandId
from callplane.contracts.replies import Reply
from callplane.telemetry.logs import logger

log = logger("bus")


class PendingReply:
    """The next reply to a command, for the block of one request."""

    def __init__(self, all_pending: dict[str, list["PendingReply"]], command_id: CommandId) -> None:
        self._all_pending = all_pending
        self._command_id = command_id
        self.reply: Reply | None = None
        """None: it is not here."""
        self.is_lost = False
        """Whether the queue that it was to come by is gone, since the command was last published."""
        self._woken: asyncio.Future[None] | None = None
        """Of who waits now."""

    def __enter__(self) -> "PendingReply":
        """Wait for it from now on, whenever it comes."""
        # A list: a client may repeat a command on this process while its first request still waits.
        self._all_pending.setdefault(self._command_id, []).append(self)
        return self

    def __exit__(self, *_raised: object) -> None:
        """A reply that comes later finds nobody."""
        others = self._all_pending.get(self._command_id, [])
        if self in others:
            others.remove(self)
        if not others:
            self._all_pending.pop(self._command_id, None)

    async def wait_until(self, end: float) -> None:
        """Back when the reply is here, when it is lost, or at ``end``, a time of the loop."""
        if self.reply is not None or self.is_lost:
            return
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        # One timer, and no more: an ``asyncio.wait`` with a timeout costs more than twice that (measured).
        timer = loop.call_at(end, self._wake)
        try:
            await self._woken
        finally:
            timer.cancel()

    def answer(self, reply: Reply) -> None:
        """It is here."""
        self.reply = reply
        self._wake()

    def lose(self) -> None:
        """It will not come by the queue where it was asked for."""
        self.is_lost = True
        self._wake()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


class PendingReplies:
    """Those of one process; a late reply finds nobody and is dropped."""

    def __init__(self) -> None:
        self._pending: dict[str, list[PendingReply]] = {}

    def waiter(self, command_id: CommandId) -> PendingReply:
        """Takes, for the block, the next reply to the command."""
        return PendingReply(self._pending, command_id)

    def answered(self, body: bytes) -> None:
        """A reply came in."""
        try:
            reply = Reply.model_validate_json(body)
        except ValidationError:
            log.error("reply unreadable", bytes=len(body))
            return
        for pending in self._pending.pop(reply.command_id, []):
            pending.answer(reply)

    def lost(self) -> None:
        """The queue of replies is gone, with all that were on their way."""
        for waiting in self._pending.values():
            for pending in waiting:
                pending.lose()

    def __len__(self) -> int:
        """How many commands are waited for."""
        return len(self._pending)
