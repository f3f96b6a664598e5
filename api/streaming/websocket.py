"""WebSocket of a mailbox: frames as polls are answered; from the client ``{"ack": token}``, and requests."""

import asyncio
import contextlib
import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth.token_bucket import Bucket, Rate
from api.http.outlets import not_taken, outlet_of, text_frame
from api.http.slow_clients import BoundedSend, SlowClient
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.ports import Push, Subscription
from api.streaming.requests import RequestFrame, SocketRequests
from callplane.contracts.errors import Problem, Refusal, Trouble, Unavailable
from callplane.contracts.reasons import SocketReason

ACKNOWLEDGE_WITHIN = 5.0
"""How long a client that has been given all that it may have may take to acknowledge some of it."""

CARRY_WITHIN = 1.0
"""How long an acknowledgement may wait for a poll to carry it."""

FRAMES = Rate(100, 1000)
BAD_FRAME: SocketReason = "bad-frame"
LONGEST_REASON = 123
"""Bytes: a control frame has 125, of which the code takes two (RFC 6455, 5.5)."""


_ACK = re.compile(r'\{"ack": ?"([A-Za-z0-9.:_-]{1,128})"\}')


class AckFrame(BaseModel):
    """The client has dealt with everything up to this token."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ack: str = Field(min_length=1, max_length=128)


_FRAME: TypeAdapter[AckFrame | RequestFrame] = TypeAdapter(AckFrame | RequestFrame)


@dataclass(frozen=True, slots=True)
class Ending:
    """A close frame; the codes from 4000 on are for programs to give (RFC 6455, 7.4.2): ours are 4000 + HTTP status."""

    code: int
    reason: str


OPEN_AGAIN = Ending(4000, "unacknowledged")


class WebSocketSession:
    """One accepted socket."""

    def __init__(
        self, websocket: WebSocket, subscription: Subscription, timing: Timing, requests: SocketRequests
    ) -> None:
        self._websocket = websocket
        self._send = BoundedSend(websocket.send, websocket.scope)
        self._subscription = subscription
        self._timing = timing
        self._requests = requests
        self._outlet = outlet_of(websocket.scope)
        self._sent_at = 0.0
        """When, in loop time, the last frame went out."""
        self._bucket = Bucket()

    async def run(self, first: Batch) -> None:
        """Send and receive until one side ends it."""
        if self._outlet is not None:
            self._outlet.on_text = self._acknowledged
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(self._receive())
            sending = tasks.create_task(self._send_all(first))
            done, _ = await asyncio.wait((receiving, sending), return_when=asyncio.FIRST_COMPLETED)
            receiving.cancel()
            sending.cancel()
        if self._outlet is not None:
            self._outlet.on_text = not_taken
        self._requests.left.set()
        endings = [task.result() for task in done]
        if None not in endings:
            await self._close(endings[0] or OPEN_AGAIN)

    async def _send_all(self, batch: Batch) -> Ending | None:
        """What comes, frame after frame; None when the client is gone, or as good as gone."""
        try:
            await self._frame(batch)
            while not self._subscription.is_unread(self._timing.stream_unread):
                if self._subscription.is_full and not await self._subscription.acknowledged(ACKNOWLEDGE_WITHIN):
                    break
                if self._outlet and await self._subscription.push(self._push, self._timing.stream_beat):
                    await self._frame(Batch())
                    continue
                batch = await self._subscription.next(self._patience())
                if batch.received or self._has_been_silent():
                    await self._frame(batch)
        except Refusal as refusal:
            return _refused(refusal.problem)
        except (Unavailable, Trouble):
            return _refused(Problem(code="unavailable"))
        except (SlowClient, WebSocketDisconnect):
            return None
        return OPEN_AGAIN

    def _push(self, push: Push) -> bool:
        """Write what comes at once; its frame is the same for all whose token is."""
        name = f"socket {push.suffix}"
        frame = push.shared.memo.get(name)
        if frame is None:
            frame = push.shared.memo[name] = text_frame(push.batch().json())
        self._sent_at = asyncio.get_running_loop().time()
        return self._outlet is not None and self._outlet.write(frame)

    def _patience(self) -> float:
        """How long to wait for messages: an acknowledgement that comes meanwhile goes with the poll after that."""
        beat = self._timing.stream_beat
        return min(beat, CARRY_WITHIN) if self._subscription.has_unread else beat

    def _has_been_silent(self) -> bool:
        return asyncio.get_running_loop().time() - self._sent_at >= self._timing.stream_beat - CARRY_WITHIN / 2

    async def _frame(self, batch: Batch) -> None:
        """Written at once where the client keeps up: what stands around a send is most of what a short one costs."""
        self._sent_at = asyncio.get_running_loop().time()
        text = batch.json()
        if self._outlet is None or not self._outlet.write(text_frame(text)):
            await self._send({"type": "websocket.send", "text": text.decode()})

    async def _receive(self) -> Ending | None:
        """What the client acknowledges and asks for; None when it has left."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            if self._bucket.take(FRAMES, asyncio.get_running_loop().time()) > 0:
                return _refused(Problem(code="too-many-requests"))
            try:
                frame = _FRAME.validate_json(message.get("text") or b"")
            except ValidationError:
                return _refused(Problem(code="invalid", reason=BAD_FRAME))
            if isinstance(frame, AckFrame):
                self._subscription.acknowledge(frame.ack)
            else:
                await self._requests.begin(frame, self._send)

    def _acknowledged(self, text: str) -> bool:
        """Take an acknowledgement as most clients write it, without a task's turn; ``_receive`` reads all else."""
        found = _ACK.fullmatch(text)
        if found is None or self._bucket.take(FRAMES, asyncio.get_running_loop().time()) > 0:
            return False
        self._subscription.acknowledge(found[1])
        return True

    async def _close(self, ending: Ending) -> None:
        with contextlib.suppress(SlowClient, WebSocketDisconnect):
            await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})


def _refused(problem: Problem) -> Ending:
    """The code of the problem and, behind a colon, the reason where there is one."""
    reason = f"{problem.code}: {problem.reason}" if problem.reason else problem.code
    return Ending(4000 + problem.status, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
