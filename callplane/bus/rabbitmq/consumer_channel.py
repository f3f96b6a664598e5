"""Consumer channel: many consumers on one channel, attached again whenever it ends, and cancelled all at once.

What is wanted and not consumed is asked for until it is: a queue on a node that is down holds up no other, and is
consumed again when the node is back.
"""

import asyncio
import random
from collections.abc import Collection
from functools import partial

from aio_pika.abc import AbstractChannel
from aiormq import Channel, spec

from callplane.bus.rabbitmq.connection import AmqpConnection, answered, close_channel, raw_channel
from callplane.bus.rabbitmq.consumer_callbacks import ConsumerCallbacks
from callplane.bus.rabbitmq.content_channel import ContentChannel
from callplane.bus.rabbitmq.errors import as_unavailable
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
"""After one did not answer each is asked for by itself for so long: a silent node is as a rule known by then."""


class ConsumerChannel:
    """Consumers of some queues on one channel; the consumer tag is the queue's name."""

    def __init__(self, connection: AmqpConnection, prefetch: int, callbacks: ConsumerCallbacks) -> None:
        self._connection = connection
        self._prefetch = prefetch
        self._callbacks = callbacks
        self._wanted: set[str] = set()  # what has a consumer, or gets one as soon as that can be
        self._consumed: set[str] = set()  # what has a consumer on the present channel, or may have
        self._down: set[str] = set()  # what was last found on a node that is down
        self._ending: set[str] = set()  # of what is wanted that whose end is expected: to ask for it would be in vain
        self._changed = asyncio.Event()  # set when something is wanted, cancelled or opened, which may be consumed now
        self._answered = asyncio.Event()  # set when the broker has answered for some of what is missing
        self._single_until = 0.0  # the loop's time until which each queue is asked for by itself
        self._channel: AbstractChannel | None = None  # the present one, or the last
        self._content: ContentChannel | None = None  # what takes its deliveries
        self._lock = asyncio.Lock()  # held while consumers are made or cancelled: one after the other
        self._attached = asyncio.Event()  # set while the present channel can take consumers
        self._open = asyncio.Event()  # cleared between ``close`` and ``open``, while nothing may be consumed
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
                await self._connection.wait_up()
                async with self._lock:
                    channel = await self._attach()
            except Unavailable as error:
                log.info("consumers not attached", error=str(error))
                await asyncio.sleep(self._connection.timings.first_pause)
                continue
            try:
                async with alongside(forever("consumers", partial(self._consume_missing, channel))):
                    await channel.closed()
            finally:
                self._attached.clear()
                self._consumed.clear()

    def want(self, queue: str) -> None:
        """Have a queue consumed as soon as it is there, if it is there then."""
        self._wanted.add(queue)
        self._changed.set()

    def expect_deletion(self, queue: str) -> None:
        """When the broker ends its consumer it is gone, and nobody asks whether it is: a 404 would end a channel."""
        if queue in self._wanted:
            self._ending.add(queue)

    async def fill(self, queues: Collection[str]) -> None:
        """Consume these, if they are there; back when each was asked for, or this is closed. Raises Unavailable."""
        self._wanted.update(queues)
        self._changed.set()
        while self._open.is_set() and self._wanted.intersection(queues) - self._consumed - self._down:
            self._answered.clear()
            with as_unavailable("consuming"):
                async with asyncio.timeout(ASKED_SECONDS):
                    await self._answered.wait()

    async def add(self, queue: str) -> None:
        """Consume a queue that was just declared (or, while closed, when opened again). Raises Unavailable."""
        self._wanted.add(queue)
        if not self._open.is_set():
            return
        with as_unavailable("consuming"):
            async with asyncio.timeout(self._connection.timings.call):
                await self._attached.wait()
                async with self._lock:
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
            await close_channel(self._channel, self._connection.timings.close)
            raise

    async def remove(self, queue: str) -> None:
        """Stop consuming a queue; what has arrived from it still counts."""
        self._drop(queue)
        async with self._lock:
            if queue in self._consumed:
                await self._cancel([queue])

    async def close(self) -> None:
        """Cancel every consumer and stay closed; back when nothing more can arrive."""
        self._open.clear()
        async with self._lock:
            await self._cancel(sorted(self._consumed))

    async def open(self) -> None:
        """Consume again after ``close``; back when it has begun."""
        self._open.set()
        self._changed.set()

    async def _attach(self) -> AbstractChannel:
        channel = self._channel = await self._connection.channel(confirms=False)
        with as_unavailable("attaching consumers"):
            raw = await raw_channel(channel)
            raw.on_consumer_cancel_callbacks.add(self._on_cancel)
            self._content = self._connection.content(raw)
            # Per consumer, not per channel: prefetch 1 for each queue, however many share the channel.
            await self._barrier(raw)
        self._down.clear()
        self._attached.set()
        return channel

    async def _consume_missing(self, channel: AbstractChannel) -> None:
        """Consume what is wanted until the channel ends: at once what has not been asked for, and again what was down.

        Of what was down a few are asked for each time, for a node may have had thousands: one that is back means all.
        """
        clock, pause = asyncio.get_running_loop().time, DOWN_PAUSE
        due = clock() + pause
        while True:
            self._changed.clear()
            if channel.is_closed or not self._open.is_set():
                await pause_unless(self._changed, self._connection.timings.first_pause if channel.is_closed else None)
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
            await pause_unless(self._changed, max(0.0, due - clock()) if self._down else None)

    def _some_down(self) -> list[str]:
        return random.sample(sorted(self._down), min(ASKED_AGAIN, len(self._down)))

    async def _consume_all(self, channel: AbstractChannel, queues: Collection[str]) -> int:
        """Consume those that are there; how many that were."""
        found = 0
        if not queues:
            return found
        try:
            with as_unavailable("attaching consumers"):
                raw = await raw_channel(channel)
                # Consuming a queue that is gone ends the channel with all on it; declaring it would bring it back.
                left = sorted(queues)
                while left:
                    there, left = await self._existing(left[:TOGETHER]), left[TOGETHER:]
                    for queue in there:
                        await self._consume_if_wanted(raw, queue)
                    await self._barrier(raw)
                    found += len(there)
                    self._answered.set()
        except Unavailable:
            # A half attached channel is of no use: its end has everything attached anew, each asked for by itself.
            self._consumed.clear()
            self._single_until = asyncio.get_running_loop().time() + ALONE_SECONDS
            self._answered.set()
            await close_channel(channel, self._connection.timings.close)
        return found

    async def _existing(self, queues: list[str]) -> list[str]:
        """Those of them that are there: by halves, so that one that is missing costs few questions."""
        alone = len(queues) <= ASKED_ALONE or asyncio.get_running_loop().time() < self._single_until
        if alone or not self._open.is_set():
            return [queue for queue in queues if self._open.is_set() and await self._exists(queue)]
        try:
            if await self._callbacks.all_exist(queues):
                self._down.difference_update(queues)
                return queues
        except NodeDown:
            self._single_until = asyncio.get_running_loop().time() + ALONE_SECONDS
            return await self._existing(queues)
        half = len(queues) // 2
        return [*await self._existing(queues[:half]), *await self._existing(queues[half:])]

    async def _exists(self, queue: str) -> bool:
        try:
            if await self._callbacks.exists(queue):
                self._down.discard(queue)
                return True
        except NodeDown:
            if not self._down:
                log.warning("queues are on a node that is down", queue=queue)
            self._down.add(queue)
            return False
        if queue in self._wanted and queue not in self._consumed:
            self._forget_deleted(queue)
        return False

    async def _consume_if_wanted(self, raw: Channel, queue: str) -> None:
        async with self._lock:
            if self._open.is_set() and queue in self._wanted - self._consumed:
                self._consumed.add(queue)
                await self._consume(raw, queue)

    async def _consume(self, raw: Channel, queue: str) -> None:
        if self._content is None or self._content.raw is not raw:
            raise Unavailable("the channel is another by now")
        self._content.listen(queue, partial(self._callbacks.on_delivery, queue))
        frame = spec.Basic.Consume(queue=queue, consumer_tag=queue, nowait=True)
        await answered(raw.rpc(frame), self._connection.timings.call)

    async def _cancel(self, queues: list[str]) -> None:
        # Not basic_cancel: one call at a time would take seconds for thousands of sessions; and its nowait form
        # forgets the callback at once, so that a delivery already on its way would be lost to this channel.
        self._consumed.difference_update(queues)
        content = self._content
        if content is None or self._channel is None or self._channel.is_closed:
            return
        try:
            with as_unavailable("cancelling consumers"):
                raw = await raw_channel(self._channel)
                for queue in queues:
                    cancel = spec.Basic.Cancel(consumer_tag=queue, nowait=True)
                    await answered(raw.rpc(cancel), self._connection.timings.call)
                await self._barrier(raw)
        except Unavailable as error:
            log.info("consumers not cancelled", error=str(error))
            return
        for queue in queues:
            content.unlisten(queue)

    async def _barrier(self, raw: Channel) -> None:
        """The broker works through a channel in order: its answer says that all before it was done."""
        await answered(raw.basic_qos(prefetch_count=self._prefetch), self._connection.timings.call)

    def _on_cancel(self, frame: spec.Basic.Cancel) -> None:
        # Its queue is gone, or the node of its queue: which of them is asked before it is given up.
        if frame.consumer_tag in self._consumed:
            self._consumed.discard(frame.consumer_tag)
            if frame.consumer_tag in self._ending:
                self._drop(frame.consumer_tag)
            else:
                self._changed.set()

    def _drop(self, queue: str) -> None:
        self._wanted.discard(queue)
        self._ending.discard(queue)

    def _forget_deleted(self, queue: str) -> None:
        self._drop(queue)
        self._callbacks.on_deleted(queue)
