"""One consuming channel with many consumers: it is attached again whenever it ends, and cancels them all at once.

What is wanted and not consumed is asked for until it is: a queue on a node that is down holds up no other, and is
consumed again when the node is back.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from aio_pika.abc import AbstractChannel
from aiormq import Channel, spec
from aiormq.abc import DeliveredMessage

from callplane.bus.rabbitmq.connection import AmqpConnection, leave, raw_channel
from callplane.bus.rabbitmq.errors import away
from callplane.concurrency import alongside, forever, pause_unless
from callplane.contracts.errors import NodeDown, Unavailable
from callplane.telemetry.logs import logger

log = logger("bus")

DOWN_PAUSE, LONGEST_DOWN_PAUSE, ASKED_AGAIN = 0.5, 4.0, 16
"""Seconds between two looks at what is down, and how many queues a look asks for."""
TOGETHER, ASKED_ALONE = 128, 8
"""How many queues are asked for with one question, and so few that each is asked for by itself."""
ASKED_SECONDS = 10.0
ALONE_SECONDS = 60.0
"""After a failure each is asked for by itself for so long: as a rule a silent node is known to be down by then."""


@dataclass(frozen=True, slots=True)
class ConsumerCallbacks:
    """What a lane tells: a delivery of a queue, and a queue that is gone.

    ``exists`` is asked before one is consumed that was not just declared. It raises NodeDown, and Unavailable;
    ``all_exist`` asks for many at once.
    """

    arrived: Callable[[str, DeliveredMessage], Coroutine[None, None, None]]
    vanished: Callable[[str], None]
    exists: Callable[[str], Awaitable[bool]]
    all_exist: Callable[[Sequence[str]], Awaitable[bool]]


class ConsumerChannel:
    """Consumers of some queues on one channel; the consumer tag is the queue's name."""

    def __init__(self, link: AmqpConnection, prefetch: int, user: ConsumerCallbacks) -> None:
        self._link = link
        self._prefetch = prefetch
        self._user = user
        self._wanted: set[str] = set()
        self._consumed: set[str] = set()
        self._down: set[str] = set()
        self._news = asyncio.Event()
        self._asked = asyncio.Event()
        self._alone_until = 0.0
        self._channel: AbstractChannel | None = None
        self._turn = asyncio.Lock()
        self._attached = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def consumed(self) -> frozenset[str]:
        """The queues that have a consumer here now."""
        return frozenset(self._consumed)

    @property
    def wanted(self) -> frozenset[str]:
        """The queues that have a consumer here, or get one as soon as that can be."""
        return frozenset(self._wanted)

    @property
    def down(self) -> frozenset[str]:
        """The queues that were last found on a node that is down."""
        return frozenset(self._down)

    async def run(self) -> None:
        """Keep everything wanted consumed until cancelled, unless closed; begun again, on a new connection."""
        self._attached.clear()
        self._consumed.clear()
        while True:
            await self._open.wait()
            try:
                await self._link.wait_up()
                async with self._turn:
                    channel = await self._attach()
            except Unavailable as error:
                log.info("consumers not attached", error=str(error))
                await asyncio.sleep(self._link.timings.first_pause)
                continue
            try:
                async with alongside(forever("consumers", partial(self._fill, channel))):
                    await channel.closed()
            finally:
                self._attached.clear()
                self._consumed.clear()

    def want(self, queue: str) -> None:
        """Have a queue consumed as soon as it is there, if it is there then."""
        self._wanted.add(queue)
        self._news.set()

    async def fill(self, queues: Collection[str]) -> None:
        """Consume these, if they are there; back when each was asked for, or this is closed. Raises Unavailable."""
        self._wanted.update(queues)
        self._news.set()
        while self._open.is_set() and self._wanted.intersection(queues) - self._consumed - self._down:
            self._asked.clear()
            with away("consuming"):
                async with asyncio.timeout(ASKED_SECONDS):
                    await self._asked.wait()

    async def add(self, queue: str) -> None:
        """Consume a queue that was just declared (or, while closed, when opened again). Raises Unavailable."""
        self._wanted.add(queue)
        if not self._open.is_set():
            return
        with away("consuming"):
            async with asyncio.timeout(self._link.timings.call):
                await self._attached.wait()
                async with self._turn:
                    await self._add(queue)

    async def _add(self, queue: str) -> None:
        if queue in self._consumed or not self._open.is_set() or self._channel is None:
            return
        raw = await raw_channel(self._channel)
        # Marked first: a consumer that may be there must not be made again, its tag is taken. One whose answer does not
        # come has its channel closed, and with it all of them are attached anew.
        self._consumed.add(queue)
        self._down.discard(queue)
        try:
            await self._consume(raw, queue)
            await self._barrier(raw)
        except BaseException:
            await leave(self._channel, self._link.timings.close)
            raise

    async def remove(self, queue: str) -> None:
        """Stop consuming a queue; what has arrived from it still counts."""
        self._wanted.discard(queue)
        async with self._turn:
            if queue in self._consumed:
                await self._cancel([queue])

    async def close(self) -> None:
        """Cancel every consumer and stay closed; back when nothing more can arrive."""
        self._open.clear()
        async with self._turn:
            await self._cancel(sorted(self._consumed))

    async def open(self) -> None:
        """Consume again after ``close``; back when it has begun."""
        self._open.set()
        self._news.set()

    async def _attach(self) -> AbstractChannel:
        channel = self._channel = await self._link.channel(confirms=False)
        with away("attaching consumers"):
            raw = await raw_channel(channel)
            raw.on_consumer_cancel_callbacks.add(self._on_cancel)
            # Per consumer, not per channel: prefetch 1 for each queue, however many share the channel.
            await self._barrier(raw)
        self._down.clear()
        self._attached.set()
        return channel

    async def _fill(self, channel: AbstractChannel) -> None:
        """Consume what is wanted until the channel ends: at once what has not been asked for, and again what was down.

        Of what was down a few are asked for each time, for a node may have had thousands: one that is back means all.
        """
        clock, pause = asyncio.get_running_loop().time, DOWN_PAUSE
        due = clock() + pause
        while True:
            self._news.clear()
            if channel.is_closed or not self._open.is_set():
                await pause_unless(self._news, self._link.timings.first_pause if channel.is_closed else None)
                continue
            missing = self._wanted - self._consumed
            self._down &= missing
            await self._consume_all(channel, missing - self._down)
            if self._down and clock() >= due:
                back = await self._consume_all(channel, self._some_down())
                pause = DOWN_PAUSE if back else min(2 * pause, LONGEST_DOWN_PAUSE)
                due = clock() + pause
                if back:
                    self._down.clear()
                    continue
            await pause_unless(self._news, max(0.0, due - clock()) if self._down else None)

    def _some_down(self) -> list[str]:
        return random.sample(sorted(self._down), min(ASKED_AGAIN, len(self._down)))

    async def _consume_all(self, channel: AbstractChannel, queues: Collection[str]) -> int:
        """Consume those that are there; how many that were."""
        found = 0
        if not queues:
            return found
        try:
            with away("attaching consumers"):
                raw = await raw_channel(channel)
                # Consuming a queue that is gone ends the channel with all on it; declaring it would bring it back.
                left = sorted(queues)
                while left:
                    there, left = await self._those_there(left[:TOGETHER]), left[TOGETHER:]
                    for queue in there:
                        await self._take(raw, queue)
                    await self._barrier(raw)
                    found += len(there)
                    self._asked.set()
        except Unavailable:
            # A half attached channel is of no use: its end has everything attached anew. Asked for many at once the
            # broker answers for a queue on a node that is silent as well, and consuming that one never ends.
            self._consumed.clear()
            self._alone_until = asyncio.get_running_loop().time() + ALONE_SECONDS
            self._asked.set()
            await leave(channel, self._link.timings.close)
        return found

    async def _those_there(self, queues: list[str]) -> list[str]:
        """Those of them that are there: by halves, so that one that is missing costs few questions."""
        alone = len(queues) <= ASKED_ALONE or asyncio.get_running_loop().time() < self._alone_until
        if alone or not self._open.is_set():
            return [queue for queue in queues if self._open.is_set() and await self._is_there(queue)]
        if await self._user.all_exist(queues):
            self._down.difference_update(queues)
            return queues
        half = len(queues) // 2
        return [*await self._those_there(queues[:half]), *await self._those_there(queues[half:])]

    async def _is_there(self, queue: str) -> bool:
        try:
            if await self._user.exists(queue):
                self._down.discard(queue)
                return True
        except NodeDown:
            if not self._down:
                log.warning("queues are on a node that is down", queue=queue)
            self._down.add(queue)
            return False
        if queue in self._wanted and queue not in self._consumed:
            self._lose(queue)
        return False

    async def _take(self, raw: Channel, queue: str) -> None:
        async with self._turn:
            if self._open.is_set() and queue in self._wanted - self._consumed:
                self._consumed.add(queue)
                await self._consume(raw, queue)

    async def _consume(self, raw: Channel, queue: str) -> None:
        raw.consumers[queue] = partial(self._user.arrived, queue)
        frame = spec.Basic.Consume(queue=queue, consumer_tag=queue, nowait=True)
        await raw.rpc(frame, timeout=self._link.timings.call)

    async def _cancel(self, queues: list[str]) -> None:
        # Not basic_cancel: one call at a time would take seconds for thousands of sessions; and its nowait form
        # forgets the callback at once, so that a delivery already on its way would be lost to this channel.
        self._consumed.difference_update(queues)
        if self._channel is None or self._channel.is_closed:
            return
        try:
            with away("cancelling consumers"):
                raw = await raw_channel(self._channel)
                for queue in queues:
                    await raw.rpc(spec.Basic.Cancel(consumer_tag=queue, nowait=True), timeout=self._link.timings.call)
                await self._barrier(raw)
        except Unavailable as error:
            log.info("consumers not cancelled", error=str(error))
            return
        for queue in queues:
            raw.consumers.pop(queue, None)

    async def _barrier(self, raw: Channel) -> None:
        """The broker works through a channel in order: its answer says that all before it was done."""
        await raw.basic_qos(prefetch_count=self._prefetch, timeout=self._link.timings.call)

    def _on_cancel(self, frame: spec.Basic.Cancel) -> None:
        # Its queue is gone, or the node of its queue: which of them is asked before it is given up.
        if frame.consumer_tag in self._consumed:
            self._consumed.discard(frame.consumer_tag)
            self._news.set()

    def _lose(self, queue: str) -> None:
        self._wanted.discard(queue)
        self._user.vanished(queue)
