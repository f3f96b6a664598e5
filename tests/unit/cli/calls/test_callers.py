"""Callers: what is offered for what messages tell, again after each loss, and once where nothing was lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from callplane_client import AsyncMessages, AsyncSeat, CallplaneError, Refused, Unreachable
from callplane_client.shapes import Message
from cli.calls import callers
from cli.calls.callers import Caller, InCall
from cli.calls.peers import Peers

AT = "2026-01-05T09:00:00Z"


class Line:
    """A seat with its messages and its media, all of them this script."""

    def __init__(self) -> None:
        self.id = "me"
        self.offers: list[str] = []
        self.troubles: list[CallplaneError] = []
        self.offered = asyncio.Event()
        self.told: asyncio.Queue[Message | None] = asyncio.Queue()

    def __aiter__(self) -> "Line":
        return self

    async def __anext__(self) -> Message:
        message = await self.told.get()
        if message is None:
            raise StopAsyncIteration
        return message

    async def take(self, message: Message) -> None: ...

    async def publish(self, source: str) -> str:
        return self._offer(source)

    async def subscribe(self, publisher: str) -> str:
        return self._offer(publisher)

    def _offer(self, what: str) -> str:
        if self.troubles:
            raise self.troubles.pop(0)
        self.offers.append(what)
        self.offered.set()
        return f"{what}-{len(self.offers)}"

    async def until(self, *offers: str) -> None:
        """Wait until these were offered, and nothing else."""
        async with asyncio.timeout(10):
            while self.offers != list(offers):
                self.offered.clear()
                await self.offered.wait()

    def tell(self, type_: str, **data: Any) -> None:
        self.told.put_nowait(Message(id=type_, type=type_, session_id="s", at=AT, data=data))


@asynccontextmanager
async def calling(line: Line) -> AsyncIterator[InCall]:
    somebody = InCall(
        Caller("me", publish="synthetic", subscribe=True),
        *(cast(AsyncSeat, line), cast(Peers, line), cast(AsyncMessages, line)),
        joined_after=0.0,
    )
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(somebody.read()), tasks.create_task(somebody.negotiate())]
        yield somebody
        for task in running:
            task.cancel()


async def test_everybody_else_is_received_once_and_again_after_a_loss() -> None:
    line = Line()
    async with calling(line):
        await line.until("synthetic")
        line.tell("stream-published", participant_id="me", connection_id="mine")
        line.tell("stream-published", participant_id="bo", connection_id="b1")
        line.tell("stream-published", participant_id="bo", connection_id="b1")
        await line.until("synthetic", "bo")
        line.tell("media-lost", epoch=2)
        await line.until("synthetic", "bo", "synthetic")
        line.tell("stream-published", participant_id="bo", connection_id="b2")
        await line.until("synthetic", "bo", "synthetic", "bo")


async def test_only_what_failed_is_offered_again() -> None:
    line = Line()
    async with calling(line):
        line.tell("stream-published", participant_id="bo", connection_id="b1")
        await line.until("synthetic", "bo")
        line.tell("connection-failed", connection_id="bo-2", reason="timeout")
        await line.until("synthetic", "bo", "bo")
        line.tell("connection-failed", connection_id="synthetic-1", reason="timeout")
        await line.until("synthetic", "bo", "bo", "synthetic")


async def test_a_refused_offer_is_made_again_and_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(callers, "AGAIN_SECONDS", 0)
    line = Line()
    line.troubles = [Refused(409, {"code": "wrong-state"}), Unreachable("away")]
    async with calling(line) as somebody:
        await line.until("synthetic")
    assert [trouble.partition(":")[0] for trouble in somebody.troubles] == ["409 wrong-state", "away"]


async def test_a_seat_that_is_gone_ends_it() -> None:
    line = Line()
    async with calling(line) as somebody:
        line.told.put_nowait(None)
        async with asyncio.timeout(10):
            await somebody.over.wait()
