"""One consuming channel with many consumers: it is attached again whenever it ends, and cancels them all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq import Channel, spec
from aiormq.abc import DeliveredMessage

from callplane.bus.rabbitmq.connections import Link, raw_channel
from callplane.bus.rabbitmq.errors import away
from callplane.contracts.errors import Away
from callplane.telemetry.logs import logger

log = logger("bus")


@dataclass(frozen=True, slots=True)
class LaneUser:
    """What a lane tells: a delivery of a queue, and a queue that is gone; ``exists`` is asked before re-attaching."""

    arrived: Callable[[str, DeliveredMessage], None]
    vanished: Callable[[str], None]
    exists: Callable[[str], Awaitable[bool]]


class Lane:
    """Consumers of some queues on one channel; the consumer tag is the queue's name."""

    def __init__(self, link: Link, prefetch: int, user: LaneUser) -> None:
        self._link = link
        self._prefetch = prefetch
        self._user = user
        self._wanted: set[str] = set()
        self._consumed: set[str] = set()
        self._channel: AbstractChannel | None = None
        self._turn = asyncio.Lock()
        self._attached = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def consumed(self) -> frozenset[str]:
        """The queues that have a consumer here now."""
        return frozenset(self._consumed)

    async def run(self) -> None:
        """Keep everything wanted consumed until cancelled, unless closed."""
        while True:
            await self._open.wait()
            try:
                await self._link.wait_up()
                async with self._turn:
                    channel = await self._attach()
            except Away as error:
                log.info("consumers not attached", error=str(error))
                await asyncio.sleep(self._link.timings.first_pause)
                continue
            await channel.closed()
            self._attached.clear()
            self._consumed.clear()

    def want(self, queue: str) -> None:
        """Have a queue consumed from the next attachment on, if it is there then."""
        self._wanted.add(queue)

    async def add(self, queue: str) -> None:
        """Consume a queue that was just declared (or, while closed, when opened again). Raises Away."""
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
        await self._consume(raw, queue)
        await self._barrier(raw)
        self._consumed.add(queue)

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
        """Consume again after ``close``; what fails now is done when the channel is attached again."""
        self._open.set()
        async with self._turn:
            if self._attached.is_set() and self._channel is not None:
                with suppress(Away):
                    await self._consume_all(self._channel)

    async def _attach(self) -> AbstractChannel:
        channel = self._channel = await self._link.channel(confirms=False)
        with away("attaching consumers"):
            raw = await raw_channel(channel)
            raw.on_consumer_cancel_callbacks.add(self._on_cancel)
            # Per consumer, not per channel: prefetch 1 for each queue, however many share the channel.
            await self._barrier(raw)
        if self._open.is_set():
            await self._consume_all(channel)
        self._attached.set()
        return channel

    async def _consume_all(self, channel: AbstractChannel) -> None:
        try:
            with away("attaching consumers"):
                raw = await raw_channel(channel)
                for queue in sorted(self._wanted - self._consumed):
                    # Consuming a queue that is gone is a 404 and ends the channel with all on it; and declaring it
                    # here would bring back what somebody deleted meanwhile.
                    if await self._user.exists(queue):
                        await self._consume(raw, queue)
                        self._consumed.add(queue)
                    else:
                        self._lose(queue)
                await self._barrier(raw)
        except Away:
            # A half attached channel is of no use: its end has everything attached anew.
            self._consumed.clear()
            with suppress(TimeoutError, *CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(self._link.timings.close):
                    await channel.close()
            raise

    async def _consume(self, raw: Channel, queue: str) -> None:
        raw.consumers[queue] = _callback(partial(self._user.arrived, queue))
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
        except Away as error:
            log.info("consumers not cancelled", error=str(error))
            return
        for queue in queues:
            raw.consumers.pop(queue, None)

    async def _barrier(self, raw: Channel) -> None:
        """The broker works through a channel in order: its answer says that all before it was done."""
        await raw.basic_qos(prefetch_count=self._prefetch, timeout=self._link.timings.call)

    def _on_cancel(self, frame: spec.Basic.Cancel) -> None:
        if frame.consumer_tag in self._consumed:
            self._consumed.discard(frame.consumer_tag)
            self._lose(frame.consumer_tag)

    def _lose(self, queue: str) -> None:
        self._wanted.discard(queue)
        self._user.vanished(queue)


def _callback(arrived: Callable[[DeliveredMessage], None]) -> Callable[[DeliveredMessage], Coroutine[None, None, None]]:
    async def call(message: DeliveredMessage) -> None:
        arrived(message)

    return call
