"""Mailboxes in any order of events: three pods on a real broker and database, three readers (design 4).

Answers get lost, tokens are sent late or twice, polls meet, pods are drained, cut off, late or robbed; ``FAULTS=all``
tries more lives.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from api.mailboxes.window import Batch
from callplane.contracts.ids import new_id
from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from tests.support.clients import ANSWER_WITHIN, PARKED_FOR, Ask, Client
from tests.support.kept import kept_open
from tests.support.mailboxes import S
from tests.support.slots import Row, fresh_row
from tests.support.waiting import until

ALL = os.environ.get("FAULTS") == "all"
EXAMPLES = 300 if ALL else 16
STEPS = 20

WHO = st.integers(0, 2)
"""One of the readers."""
POD = st.integers(0, 2)
MOST = st.sampled_from((1, 2, 3, 100))
MOMENT = st.sampled_from((0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.02, 0.05))
"""How far something has come when something else happens."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all lives: hypothesis calls its rules without one."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def row(runner: asyncio.Runner, rabbitmq_node: RabbitMQ, mongod_server: Mongod) -> Iterator[Row]:
    """Three pods for all lives."""
    with kept_open(runner, fresh_row(3, rabbitmq_node, mongod_server)) as made:
        yield made


@pytest.mark.timeout(1800 if ALL else 120)
def test_no_life_of_a_mailbox_breaks_the_law(runner: asyncio.Runner, row: Row) -> None:
    """In order, without a gap, nothing that was acknowledged, nothing of somebody else; one holder at a time."""
    run_state_machine_as_test(
        lambda: Mailboxes(runner, row),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # what happens within a step depends on the machine: a shorter life is another
            suppress_health_check=list(HealthCheck),
        ),
    )


class Mailboxes(RuleBasedStateMachine):
    """One session's mailboxes from its first message until everybody has read everything."""

    def __init__(self, runner: asyncio.Runner, row: Row) -> None:
        super().__init__()
        self.runner = runner
        self.row = row
        self.clients: list[Client] = []
        self.published = 0
        self.broken = False

    def run(self, work: Awaitable[None]) -> None:
        """One step; who broke the law is not asked for more."""

        async def bounded() -> None:
            async with asyncio.timeout(2 * ANSWER_WITHIN):
                await work

        try:
            self.runner.run(bounded())
        except BaseException:
            self.broken = True
            raise

    def texts(self, prefix: str, count: int) -> list[str]:
        """Ids of new messages."""
        self.published += count
        return [f"{prefix}-{n}" for n in range(self.published - count, self.published)]

    @initialize(seed=st.integers(0, 2**32), count=st.integers(0, 3))
    def begin(self, seed: int, count: int) -> None:
        """Three seats; the pods are those of the lives before."""
        self.chance = random.Random(seed)

        async def seated() -> None:
            await self.row.until_linked()
            life = new_id()
            self.clients = [
                Client(self.row, await self.row.scene.seat(f"{name}-{life}")) for name in ("ann", "bob", "cleo")
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
        self.run(self._ask(who, Ask(self.row.slots[pod], self.clients[who].ack, most)))

    @rule(who=WHO, pod=POD, most=MOST)
    def lose_the_answer(self, who: int, pod: int, most: int) -> None:
        """It is given, but nobody gets it."""
        self.run(self._ask(who, Ask(self.row.slots[pod], self.clients[who].ack, most, lost=True)))

    @rule(who=WHO, pod=POD, most=MOST, after=MOMENT)
    def leave(self, who: int, pod: int, most: int, after: float) -> None:
        """The client is gone before the answer, mostly."""
        self.run(self._ask(who, Ask(self.row.slots[pod], self.clients[who].ack, most, wait=0.1, leaves=after)))

    @rule(who=WHO, pod=POD, back=st.integers(2, 5))
    def send_an_older_token(self, who: int, pod: int, back: int) -> None:
        """A request that was on its way for long; or a token that nobody has heard of."""
        old = (["unheard-of", *self.clients[who].acks])[-back:][0]
        self.run(self._ask(who, Ask(self.row.slots[pod], old, most=2, lost=True)))

    async def _ask(self, who: int, ask: Ask) -> None:
        client = self.clients[who]
        client.rivals = client.rivals or client.parked is not None
        await client.ask(ask)
        await client.unpark()

    @rule(who=WHO, pod=POD, most=MOST)
    def park(self, who: int, pod: int, most: int) -> None:
        """A long poll, which whatever follows may find there; one that was there is replaced."""
        client = self.clients[who]
        client.rivals = client.rivals or client.parked is not None
        self.run(client.park(Ask(self.row.slots[pod], client.ack, most, wait=PARKED_FOR)))

    @rule(who=WHO, texts=st.integers(1, 2))
    def meet_a_parked_poll(self, who: int, texts: int) -> None:
        """A message comes while a poll waits, or has been answered or refused already."""

        async def met() -> None:
            client = self.clients[who]
            waiting = client.is_parked
            await client.send(self.texts("one", texts))
            answer = await client.unpark()
            assert not (waiting and answer == Batch()), "a message came, but not to the poll that waited for it"

        self.run(met())

    @rule(who=WHO, pods=st.permutations(range(3)), most=MOST, after=MOMENT)
    def ask_two_at_once(self, who: int, pods: list[int], most: int, after: float) -> None:
        """With the same token, at different pods."""

        async def both() -> None:
            client, ack = self.clients[who], self.clients[who].ack
            client.rivals = True
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.ask(Ask(self.row.slots[pods[0]], ack, most, wait=0.1)))
                await asyncio.sleep(after)
                tasks.create_task(client.ask(Ask(self.row.slots[pods[1]], ack)))
            await client.unpark()

        self.run(both())

    @rule(pod=POD)
    def replace(self, pod: int) -> None:
        """Drained, and another in its place."""
        self.run(self.row.slots[pod].replace())

    @rule(pod=POD)
    def crash(self, pod: int) -> None:
        """Its connections are gone; it begins again with nothing."""
        self.run(self._now(self.row.slots[pod].crash))

    @rule(pod=POD, seconds=st.sampled_from((0.05, 0.4)))
    def hush(self, pod: int, seconds: float) -> None:
        """Its letters are late."""
        self.run(self._now(self.row.slots[pod].hush, seconds))

    async def _now(self, act: Callable[..., None], *args: float) -> None:
        act(*args)

    @rule(who=WHO, pods=st.tuples(POD, POD), after=MOMENT, replaced=st.booleans())
    def end_a_pod_meanwhile(self, who: int, pods: tuple[int, int], after: float, replaced: bool) -> None:
        """A poll, its forwarding or a taking is under way, and messages are coming."""

        async def ended() -> None:
            client, (asked, victim) = self.clients[who], (self.row.slots[pod] for pod in pods)
            client.rivals = True
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.ask(Ask(asked, client.ack, most=2, wait=0.2)))
                tasks.create_task(client.send(self.texts("one", 2)))
                await asyncio.sleep(after)
                if replaced:
                    await victim.replace()
                else:
                    victim.crash()
            await client.unpark()

        self.run(ended())

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
        """A holder that is gone at once has taken its mailbox, which it finds when it is in doubt."""

        async def robbed() -> None:
            client = self.clients[who]
            seen = await client.look()
            slot = next((one for one in self.row.slots if one.holds(client.participant) == (seen.holder, seen.n)), None)
            if slot is None or slot.station is None:
                return
            slot.hits += 1
            await self.row.scene.attachments.take(seen, f"pod.{new_id()}")
            slot.station.holder.doubt()
            await self._ask(who, Ask(slot, client.ack))

        self.run(robbed())

    def teardown(self) -> None:
        """Everybody reads to the end; then nothing is left, and each mailbox has one reader at most."""
        if self.clients:
            self.run(self._clear() if self.broken else self._end())

    async def _end(self) -> None:
        await self.row.until_linked()
        for client in self.clients:
            client.rivals = True
            await client.read_all(self.chance.sample(self.row.slots, self.chance.randint(1, 3)))
            await client.unpark()
            await until(lambda client=client: self._is_quiet(client))  # type: ignore[misc]
        await self._clear()

    async def _is_quiet(self, client: Client) -> bool:
        seen = await client.look()
        left = (await self.row.servers.vhost.queues())[f"user.{client.participant}"]
        return left == 0 and self.row.readers_of(client.participant) in ([], [(seen.holder, seen.n)])

    async def _clear(self) -> None:
        for client in self.clients:
            if client.parked is not None:
                client.parked.cancel()
            await self.row.scene.publisher.delete(client.participant)
        await self.row.scene.attachments.delete_of(S)
