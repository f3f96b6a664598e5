"""Pods that are drained, replaced, cut off and robbed while others go on, for lives that follow each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from api.mailboxes.pod import LinkSession
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment
from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.inprocess.mailboxes import FAST, Scene, TestPod, pod_on, rabbit_scene
from testkit.servers.proxy import Proxy, proxies
from testkit.servers.servers import Servers, fresh_database, fresh_vhost
from testkit.servers.until import until

LINKED_WITHIN = 10.0
NOTICED_WITHIN = 2.0
HASTY = replace(FAST, ask_again=0.1, silence=0.6)
"""Silence is waited for by whoever asks."""


@dataclass
class PodSlot:
    """Where one pod stands after the other, all behind the same proxy to the broker."""

    servers: Servers
    scene: Scene
    proxy: Proxy
    tasks: asyncio.TaskGroup
    hits: int = 0
    """How often something was done to its pod or its connections; ``drains``, that it was replaced in peace."""
    drains: int = 0
    _pod: TestPod | None = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pod(self) -> TestPod:
        """Who stands there now."""
        assert self._pod is not None
        return self._pod

    @property
    def link_session(self) -> LinkSession | None:
        """What that pod has on its present link, unless it has none."""
        session = self.pod.poll_router.pod.link_session
        return None if session is None or session.link.ended.is_set() else session

    async def replace(self) -> None:
        """Put a new pod there, then drain the one that it replaces, as a rolling update does."""
        self.hits += 1
        self.drains += 1
        former, over = self._pod, self._over
        ready, self._over = asyncio.Event(), asyncio.Event()
        self.tasks.create_task(self._stand(ready, self._over))
        await ready.wait()
        if former is not None:
            await former.poll_router.drain()
            over.set()

    async def _stand(self, ready: asyncio.Event, over: asyncio.Event) -> None:
        node = self.servers.vhost.node.port
        url = self.servers.vhost.url.replace(f":{node}", f":{self.proxy.port}")
        async with pod_on(RabbitMailboxes(url), self.scene.database, HASTY) as pod:
            self._pod = pod
            ready.set()
            await over.wait()

    def vacate(self) -> None:
        """The last one goes."""
        self._over.set()

    def crash(self) -> None:
        """Both its connections are gone at once: the broker gives everything to others, in order."""
        self.hits += 1
        self.proxy.heal()
        self.proxy.reset()

    def hush(self, seconds: float) -> None:
        """Nothing comes or goes for a while: letters are late, and are sent again."""
        self.hits += 1
        self.proxy.silence()
        asyncio.get_running_loop().call_later(seconds, self.proxy.heal)

    def lapse(self) -> None:
        """Its lease is over, until it renews it at the next beat."""
        self.hits += 1
        self.pod.poll_router.pod.renewed_at -= self.pod.poll_router.timing.lease

    def holds(self, participant: ParticipantId) -> tuple[str, int] | None:
        """Under which name and number it reads this mailbox, if it does."""
        session = self.link_session
        mailbox = None if session is None else session.holder.find(participant)
        return None if session is None or mailbox is None else (session.link.queue, mailbox.attachment.seat.n)

    def has_poll(self, participant: ParticipantId, since: datetime) -> bool:
        """Whether a poll for this mailbox is parked here that was not asked before then."""
        mailbox = None if self.link_session is None else self.link_session.holder.find(participant)
        parked = None if mailbox is None else mailbox.parked
        return parked is not None and parked.asked_at >= since


@dataclass
class PodSlots:
    """The slots, and what all lives share."""

    servers: Servers
    scene: Scene
    slots: list[PodSlot]
    tasks: asyncio.TaskGroup

    @property
    def hits(self) -> int:
        """How often something was done to any of them."""
        return sum(slot.hits for slot in self.slots)

    @property
    def drains(self) -> int:
        """How often any of them was replaced."""
        return sum(slot.drains for slot in self.slots)

    def holder_of(self, participant: ParticipantId) -> PodSlot | None:
        """Where this mailbox is held."""
        return next((slot for slot in self.slots if slot.holds(participant)), None)

    def readers_of(self, participant: ParticipantId) -> list[tuple[str, int]]:
        """Everybody who reads this mailbox now, or has not noticed that it does not."""
        return [held for slot in self.slots if (held := slot.holds(participant))]

    async def until_one_reads(self, participant: ParticipantId) -> None:
        """Wait until nobody is left who has not noticed."""

        async def is_one() -> bool:
            return len(self.readers_of(participant)) <= 1

        await until(is_one, NOTICED_WITHIN)

    def is_sole(self, seen: Attachment) -> bool:
        """Whether nobody reads it but who is named: a holder may notice late that its connection is gone."""
        return set(self.readers_of(seen.participant_id)) <= {(str(seen.holder), seen.n)}

    async def until_linked(self) -> None:
        """Wait until every pod has its connection."""
        async with asyncio.timeout(LINKED_WITHIN):
            for slot in self.slots:
                slot.proxy.heal()
                while slot.link_session is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


@asynccontextmanager
async def fresh_pod_slots(count: int, node: RabbitMQ, mongod: Mongod) -> AsyncIterator[PodSlots]:
    """So many pods, on a virtual host and a database of their own."""
    async with fresh_vhost(node) as vhost, fresh_database(mongod) as corner, _row(count, Servers(vhost, corner)) as row:
        yield row


@asynccontextmanager
async def _row(count: int, servers: Servers) -> AsyncIterator[PodSlots]:
    async with rabbit_scene(servers) as scene, proxies() as open_proxy, asyncio.TaskGroup() as tasks:
        slots = [PodSlot(servers, scene, await open_proxy(servers.vhost.node.port), tasks) for _ in range(count)]
        await asyncio.gather(*[slot.replace() for slot in slots])
        row = PodSlots(servers, scene, slots, tasks)
        await row.until_linked()
        try:
            yield row
        finally:
            for slot in slots:
                slot.proxy.heal()
                slot.vacate()
