"""Mailboxes in any order of events: three pods on a real broker and database, three readers (design 4).

Answers get lost, tokens are sent late or twice, polls meet, pods are drained, cut off, late or robbed; ``FAULTS=all``
tries more lives.
"""

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from callplane.contracts.ids import new_id
from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.clients.mailbox_client import PARKED_FOR, MailboxClient, PollAttempt
from testkit.crashes.pod_lives import PodSlot, PodSlots, fresh_pod_slots
from testkit.inprocess.mailboxes import S
from testkit.servers.open_context import open_context
from tests.model.lives import ALL, SECONDS, Life, live

EXAMPLES = 300 if ALL else 9

WHO = st.integers(0, 2)
"""One of the readers."""
POD = st.integers(0, 2)
VICTIM = st.one_of(st.none(), POD)
"""None: whoever holds the mailbox."""
MOST = st.sampled_from((1, 2, 3, 100))
MOMENT = st.sampled_from((0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.02, 0.05))
"""How far something has come when something else happens."""


@pytest.fixture(scope="module")
def row(runner: asyncio.Runner, rabbitmq_node: RabbitMQ, mongod_server: Mongod) -> Iterator[PodSlots]:
    """Three pods for all lives."""
    with open_context(runner, fresh_pod_slots(3, rabbitmq_node, mongod_server)) as made:
        yield made


@pytest.mark.timeout(SECONDS)
def test_no_life_of_a_mailbox_breaks_the_law(runner: asyncio.Runner, row: PodSlots) -> None:
    """In order, without a gap, nothing that was acknowledged, nothing of somebody else; one holder at a time."""
    live(lambda: Mailboxes(runner, row), EXAMPLES)


class Mailboxes(Life):
    """One session's mailboxes from its first message until everybody has read everything."""

    def __init__(self, runner: asyncio.Runner, row: PodSlots) -> None:
        super().__init__(runner)
        self.row = row
        self.clients: list[MailboxClient] = []

    def texts(self, prefix: str, count: int) -> list[str]:
        """Ids of new messages."""
        return [f"{prefix}-{n}" for n in self.numbers(count)]

    @initialize(seed=st.integers(0, 2**32), count=st.integers(0, 3))
    def begin(self, seed: int, count: int) -> None:
        """Three seats; the pods are those of the lives before."""
        self.chance = random.Random(seed)

        async def seated() -> None:
            await self.row.until_linked()
            life = new_id()
            self.clients = [
                MailboxClient(self.row, await self.row.scene.seat(f"{name}-{life}")) for name in ("ann", "bob", "cleo")
            ]
            await self._send_all(self.texts("all", count))

        self.run(seated())

    async def _send_all(self, texts: list[str]) -> None:
        for client in self.clients:
            client.account.sent += texts
        await self.row.scene.publisher.to_all(*texts)

    @rule(count=st.integers(1, 3))
    def publish_to_all(self, count: int) -> None:
        """To the session."""
        self.run(self._send_all(self.texts("all", count)))

    @rule(who=WHO, count=st.integers(1, 3))
    def publish_to_one(self, who: int, count: int) -> None:
        """To one of them."""
        self.run(self.clients[who].send(self.texts("one", count)))

    @rule(who=WHO, back=st.integers(1, 4))
    def publish_again(self, who: int, back: int) -> None:
        """A publication that was not known to have happened: the same message, under a token of its own."""
        self.run(self.clients[who].send(self.clients[who].account.sent[-back:][:1]))

    @rule(who=WHO, pod=POD, most=MOST)
    def poll(self, who: int, pod: int, most: int) -> None:
        """As it should be."""
        self.run(self.clients[who].poll(PollAttempt(self.row.slots[pod], self.clients[who].ack, most)))

    @rule(who=WHO, pod=POD, most=MOST)
    def lose_the_answer(self, who: int, pod: int, most: int) -> None:
        """It is given, but nobody gets it."""
        self.run(self.clients[who].poll(PollAttempt(self.row.slots[pod], self.clients[who].ack, most, lost=True)))

    @rule(who=WHO, pod=POD, most=MOST, after=MOMENT)
    def leave(self, who: int, pod: int, most: int, after: float) -> None:
        """The client is gone before the answer, mostly."""
        self.run(
            self.clients[who].poll(PollAttempt(self.row.slots[pod], self.clients[who].ack, most, 0.1, leaves=after))
        )

    @rule(who=WHO, pod=POD, back=st.integers(2, 5))
    def send_an_older_token(self, who: int, pod: int, back: int) -> None:
        """A request that was on its way for long; or a token that nobody has heard of."""
        old = (["unheard-of", *self.clients[who].acks])[-back:][0]
        self.run(self.clients[who].poll(PollAttempt(self.row.slots[pod], old, most=2, lost=True)))

    def parked(self, who: int, pod: int, most: int) -> PollAttempt:
        """A long poll."""
        return PollAttempt(self.row.slots[pod], self.clients[who].ack, most, wait=PARKED_FOR)

    @rule(who=WHO, pod=POD, most=MOST)
    def park(self, who: int, pod: int, most: int) -> None:
        """A poll that whatever follows finds there."""
        self.run(self.clients[who].park(self.parked(who, pod, most)))

    @rule(who=WHO, pods=st.tuples(POD, POD), most=MOST)
    def replace_a_poll(self, who: int, pods: tuple[int, int], most: int) -> None:
        """By a newer one."""

        async def replaced() -> None:
            await self.clients[who].park(self.parked(who, pods[0], most))
            await self.clients[who].poll(PollAttempt(self.row.slots[pods[1]], self.clients[who].ack, most))

        self.run(replaced())

    @rule(who=WHO, count=st.integers(1, 2))
    def meet_a_parked_poll(self, who: int, count: int) -> None:
        """A message comes; whatever poll there was is answered, if it was not long ago."""
        self.run(self.clients[who].meet(self.texts("one", count)))

    @rule(who=WHO, pod=POD, most=MOST, victim=VICTIM, after=MOMENT)
    def wait_for_a_message(self, who: int, pod: int, most: int, victim: int | None, after: float) -> None:
        """Through an accident."""

        async def waited() -> None:
            await self.clients[who].park(self.parked(who, pod, most))
            self.victim(who, victim).crash()
            await asyncio.sleep(after)
            await self.clients[who].meet(self.texts("one", 1))

        self.run(waited())

    @rule(who=WHO, pods=st.permutations(range(3)), most=MOST, after=MOMENT, cold=st.booleans())
    def poll_twice(self, who: int, pods: list[int], most: int, after: float, cold: bool) -> None:
        """At different pods with the same token; when cold, both find nobody who holds the mailbox."""

        async def polled() -> None:
            client, (first, second, _) = self.clients[who], (self.row.slots[pod] for pod in pods)
            if cold:
                self.victim(who, None).crash()
                await self.row.until_linked()
            await client.poll_twice(
                PollAttempt(first, client.ack, most, wait=0.1), PollAttempt(second, client.ack), after
            )

        self.run(polled())

    @rule(pod=POD)
    def replace(self, pod: int) -> None:
        """Drained, and another in its place."""
        self.run(self.row.slots[pod].replace())

    @rule(who=WHO, victim=VICTIM)
    def crash(self, who: int, victim: int | None) -> None:
        """Its connections are gone; it begins again with nothing."""

        async def crashed() -> None:
            self.victim(who, victim).crash()

        self.run(crashed())

    @rule(who=WHO, pod=POD, victim=VICTIM, seconds=st.sampled_from((0.05, 0.2, 1.5)))
    def hush(self, who: int, pod: int, victim: int | None, seconds: float) -> None:
        """Nothing comes from one pod and nothing gets to it, for less or for longer than another has patience."""

        async def hushed() -> None:
            self.victim(who, victim).hush(seconds)
            await self.clients[who].poll(PollAttempt(self.row.slots[pod], self.clients[who].ack, wait=0.2))

        self.run(hushed())

    @rule(who=WHO, pod=POD, victim=VICTIM, after=MOMENT, drained=st.booleans())
    def end_a_pod_meanwhile(self, who: int, pod: int, victim: int | None, after: float, drained: bool) -> None:
        """A poll, its forwarding or a taking is under way, and messages are coming."""

        async def end() -> None:
            await asyncio.sleep(after)
            slot = self.victim(who, victim)
            if drained:
                await slot.replace()
            else:
                slot.crash()

        ask = PollAttempt(self.row.slots[pod], self.clients[who].ack, most=2, wait=0.2)
        self.run(self.clients[who].poll_through(ask, self.texts("one", 2), end))

    @rule(pod=POD)
    def lapse(self, pod: int) -> None:
        """Its lease is over, and a sweep calls those that it holds detached."""

        async def lapsed() -> None:
            self.row.slots[pod].lapse()
            for client in self.clients:
                seen = await client.look()
                if self.row.slots[pod].holds(client.participant) == (seen.holder, seen.n):
                    await self.row.scene.attachments.detach(seen)

        self.run(lapsed())

    @rule(who=WHO)
    def rob(self, who: int) -> None:
        """Another has its mailbox, as the database says."""
        self.run(self.clients[who].rob())

    def victim(self, who: int, pod: int | None) -> PodSlot:
        """Who has the accident: one of the pods, or whichever holds this mailbox."""
        slots = self.row.slots
        return (self.row.holder_of(self.clients[who].participant) or slots[0]) if pod is None else slots[pod]

    @invariant()
    def one_reads_it(self) -> None:
        """Two only until the one whose connection is gone has noticed."""
        for client in self.clients:
            if len(self.row.readers_of(client.participant)) > 1:
                self.run(self.row.until_one_reads(client.participant))

    def teardown(self) -> None:
        """Everybody reads to the end; then nothing is left, and each mailbox has one reader at most."""
        if self.clients:
            self.run(self._clear() if self.broken else self._end())

    async def _end(self) -> None:
        await self.row.until_linked()
        for client in self.clients:
            client.rivals = True
            await client.read_all(self.chance.sample(self.row.slots, self.chance.randint(1, 3)))
        await self._clear()

    async def _clear(self) -> None:
        for client in self.clients:
            await self.row.scene.publisher.delete(client.participant)
        await self.row.scene.attachments.delete_of(S)
