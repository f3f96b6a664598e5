"""Shared queues: what a wrapper consumes for all sessions; it declares its own, and finds what others have declared."""

from collections.abc import Callable, Sequence

from callplane.bus.names import SHARDS, WRAPPER, server_name, server_of, twin_of
from callplane.bus.rabbitmq.arguments import FIXED, RETRY
from callplane.bus.rabbitmq.connection import AmqpConnection
from callplane.bus.rabbitmq.consumer_channel import ConsumerChannel
from callplane.bus.rabbitmq.topology import RabbitTopology
from callplane.concurrency import for_each
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.telemetry.logs import logger

log = logger("bus")

ChannelOf = Callable[[str], ConsumerChannel]
"""On which channel a queue is consumed."""


class SharedQueues:
    """What one listener consumes besides sessions' own queues."""

    def __init__(
        self, connection: AmqpConnection, topology: RabbitTopology, channel_of: ChannelOf, *, shards: bool
    ) -> None:
        self._topology = topology
        self._channel_of = channel_of
        self._shards = shards
        """Whether this wrapper was told to declare shards."""
        shared = (*SHARDS, WRAPPER) if shards else (WRAPPER,)
        # ``wrapper`` itself always: who knows no twins publishes there, and who does where there are none.
        self._ours = {WRAPPER, *map(connection.named, shared)}
        """What is made again when it is gone."""
        self._sign = connection.other(RETRY)
        """Is there where programs have, or had, the other setting of what is replicated."""
        self._drained = frozenset(map(connection.other, FIXED))
        self._found = [queue for queue in map(connection.named, SHARDS) if queue not in self._ours]
        """What wrappers that declare shards have declared, all of it or none."""
        self._theirs = [queue for queue in map(connection.other, (WRAPPER, *SHARDS)) if queue not in self._ours]
        """What those of the other setting have declared; ``wrapper`` may be there without shards."""
        for queue in {WRAPPER, connection.named(WRAPPER)}:
            channel_of(queue).want(queue)

    async def listen(self) -> None:
        """Declare and consume what is ours, and consume what else there is; harmless when repeated."""
        permanent = sorted(queue for queue in self._ours if server_of(queue) is None)
        missing = [queue for queue in permanent if queue not in self._channel_of(queue).consumed]
        if missing:
            await self._topology.open_all_shared(missing)
            await self._fill(missing)
        await self._fill_if_there(self._found)
        if await self._exists(self._sign):
            self._topology.drained = self._drained
            for group in (self._theirs[: -len(SHARDS)], self._theirs[-len(SHARDS) :]):
                await self._fill_if_there(group)

    def shards(self) -> int:
        """How many shards are consumed now, by either name."""
        return sum(any(one in self._channel_of(one).consumed for one in (queue, twin_of(queue))) for queue in SHARDS)

    async def reach(self, server: str) -> None:
        """Consume what is passed on to those who reach a media server, now or as soon as that can be."""
        if not self._shards:
            return
        queue = server_name(server)
        self._ours.add(queue)
        try:
            await self.restore(queue)
        except (Unavailable, Trouble) as trouble:
            log.warning("nothing is taken yet of what is passed on", server=server, why=str(trouble))
            self._channel_of(queue).want(queue)

    async def unreach(self, server: str) -> None:
        """Stop; the queue ends by itself when nobody consumes it for long."""
        queue = server_name(server)
        self._ours.discard(queue)
        await self._channel_of(queue).remove(queue)

    async def restore(self, queue: str) -> None:
        """Make one of ours again that is gone. Raises Unavailable and Trouble."""
        if queue not in self._ours:
            return
        await self._topology.open_shared(queue)
        if queue in self._ours:  # a media server may be out of reach by now
            await self._channel_of(queue).add(queue)

    async def _exists(self, queue: str) -> bool:
        try:
            return await self._topology.queue_exists(queue)
        except NodeDown:
            return True

    async def _fill_if_there(self, group: Sequence[str]) -> None:
        """Consume a group that somebody has declared as a whole; asked of one of them, while none is consumed."""
        if group and group[0] not in self._channel_of(group[0]).consumed and await self._exists(group[0]):
            log.info("queues of another setting are consumed as well", first=group[0])
            await self._fill(group)

    async def _fill(self, queues: Sequence[str]) -> None:
        by_channel: dict[ConsumerChannel, list[str]] = {}
        for queue in queues:
            by_channel.setdefault(self._channel_of(queue), []).append(queue)
        await for_each(lambda channel: channel.fill(by_channel[channel]), by_channel, limit=len(by_channel))


def is_for_many(queue: str) -> bool:
    """Whether as many of its commands as of creations are taken at once: each may be of another session."""
    return queue in (WRAPPER, twin_of(WRAPPER)) or server_of(queue) is not None
