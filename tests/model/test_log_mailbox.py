"""Mailboxes on logs in any order of events: three pods on a real database, three readers (design 12).

Answers get lost, tokens are sent late or twice, logs are cut, hints are lost, pods are drained, killed or late, and
seats are robbed of their tags; ``FAULTS=all`` tries more lives.
"""

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.store.attachments import Attachments
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments
from cli.machine.mongod import Mongod
from testkit.clients.log_mailbox_client import LogMailboxClient, RoomLog
from testkit.crashes.log_pod_lives import LogPodSlots, fresh_log_pod_slots
from testkit.servers.open_context import open_context
from tests.model.lives import ALL, SECONDS, Life, live

EXAMPLES = 300 if ALL else 4

WHO = st.integers(0, 2)
POD = st.integers(0, 2)
MOST = st.sampled_from((1, 2, 3, 100))
LOST = st.sampled_from((0.0, 0.5, 1.0))
"""The share of hints that is."""
MOMENT = st.sampled_from((0.0, 0.001, 0.004, 0.02, 0.05))


@pytest.fixture(scope="module")
def row(runner: asyncio.Runner, mongod_server: Mongod) -> Iterator[LogPodSlots]:
    """Three pods for all lives."""
    with open_context(runner, fresh_log_pod_slots(3, mongod_server)) as made:
        yield made


@pytest.mark.timeout(SECONDS)
def test_no_life_of_a_log_mailbox_breaks_the_law(runner: asyncio.Runner, row: LogPodSlots) -> None:
    """In order, without a gap that is not told of, nothing of somebody else, soon, and attached while it reads."""
    live(lambda: LogMailboxes(runner, row), EXAMPLES)


@pytest.mark.timeout(120)
def test_a_life_in_which_everything_happens_once(runner: asyncio.Runner, row: LogPodSlots) -> None:
    """What chance leaves out: hints that are lost while somebody waits, cuts behind somebody, tags that are taken."""
    life = LogMailboxes(runner, row)
    life.begin(seed=7, count=2)
    for lost in (1.0, 0.5, 0.5, 0.0):
        life.meet_a_parked_poll(who=0, pod=0, count=3, lost=lost)
        life.tell_one(who=1, count=2)
    life.cut(who=1, pods=(1, 2), share=0.9, lost=0.5)
    for how in ("unlinked", "killed", "drained"):
        life.end_a_pod(who=2, pod=2, after=0.004, how=how)
    life.sweep(who=2, pod=1, robbed=True)
    life.lapse(pod=0)
    life.poll(who=0, pod=0, most=2, lost=True)
    life.teardown()


class LogMailboxes(Life):
    """One session's logs from their first entry until everybody has read everything."""

    def __init__(self, runner: asyncio.Runner, row: LogPodSlots) -> None:
        super().__init__(runner)
        self.row = row
        self.clients: list[LogMailboxClient] = []

    def ids(self, count: int) -> list[str]:
        """Of new messages."""
        return [str(n) for n in self.numbers(count)]

    @initialize(seed=st.integers(0, 2**32), count=st.integers(0, 3))
    def begin(self, seed: int, count: int) -> None:
        """Three seats, which begin behind what was before; the pods are those of the lives before."""
        self.chance = random.Random(seed)
        for slot in self.row.slots:
            slot.hints.chance = self.chance
        life = new_id()
        self.room = RoomLog(self.row, SessionId(f"room-{life}"))

        async def seated() -> None:
            await self.row.until_up()
            await self.room.put(self.ids(count))
            for name in ("ann", "bob", "cleo"):
                seat, place = ParticipantId(f"{name}-{life}"), Place(count)
                await Attachments(self.row.database).open(self.room.session_id, seat, place)
                self.clients.append(LogMailboxClient(self.room, seat, place))

        self.run(seated())

    @rule(who=st.one_of(st.none(), WHO), count=st.integers(1, 3), lost=LOST)
    def publish(self, who: int | None, count: int, lost: float) -> None:
        """Signals to all, or to one, in the session's log."""
        to = None if who is None else self.clients[who].participant
        self.run(self.room.put(self.ids(count), to, lost))

    @rule(who=WHO, count=st.integers(1, 3))
    def tell_one(self, who: int, count: int) -> None:
        """What concerns its connection, in its seat's log."""
        self.run(self.clients[who].put_own(self.ids(count)))

    @rule(who=WHO, pod=POD, most=MOST, lost=st.booleans())
    def poll(self, who: int, pod: int, most: int, lost: bool) -> None:
        """As it should be; or it is given, but nobody gets it."""
        self.run(self._poll(who, pod, most, lost=lost))

    async def _poll(self, who: int, pod: int, most: int, *, lost: bool = False) -> None:
        client = self.clients[who]
        await client.unpark()
        answer = await client.ask(self.row.slots[pod], client.ack, most=most)
        if not lost:
            client.take(answer)

    @rule(who=WHO, pod=POD, back=st.integers(1, 5), token=st.sampled_from(("older", "none", "rubbish", "future")))
    def send_another_token(self, who: int, pod: int, back: int, token: str) -> None:
        """A request that was on its way for long, a page that was loaded again, and what nobody was ever given."""
        client = self.clients[who]
        future = f"{len(self.room.entries) + back}.{len(client.own) + back}"
        said = {"older": ([None, *client.acks])[-back:][0], "none": None, "rubbish": "unheard-of", "future": future}
        self.run(client.ask(self.row.slots[pod], said[token], most=2))

    @rule(who=WHO, pod=POD, most=MOST)
    def park(self, who: int, pod: int, most: int) -> None:
        """A poll that whatever follows finds there."""
        self.run(self.clients[who].park(self.row.slots[pod], most))

    @rule(who=WHO, pod=POD, count=st.integers(1, 3), lost=LOST)
    def meet_a_parked_poll(self, who: int, pod: int, count: int, lost: float) -> None:
        """A message comes; whatever poll there was is answered, hints or not."""

        async def met() -> None:
            client = self.clients[who]
            if client.parked is None:
                await client.park(self.row.slots[pod], 100)
            await client.meet(self.ids(count), lost)

        self.run(met())

    @rule(who=WHO, pods=st.permutations(range(3)), after=MOMENT)
    def poll_twice(self, who: int, pods: list[int], after: float) -> None:
        """At different pods with the same token: neither replaces the other."""

        async def polled() -> None:
            client, (first, second, _) = self.clients[who], (self.row.slots[pod] for pod in pods)
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(client.ask(first, client.ack, wait=0.1))
                await asyncio.sleep(after)
                other = await client.ask(second, client.ack)
            assert "poll-replaced" not in (asked.result(), other)

        self.run(polled())

    @rule(who=WHO, pods=st.tuples(POD, POD), share=st.floats(0, 0.99), lost=LOST)
    def cut(self, who: int, pods: tuple[int, int], share: float, lost: float) -> None:
        """What is old goes from the front of the session's log, before and behind where somebody is."""

        async def behind() -> None:
            for pod in pods:
                await self.room.put(self.ids(3), lost=lost)
                await self.room.cut(share)
                await self._poll(who, pod, 2)

        self.run(behind())

    @rule(who=WHO, pod=POD, after=MOMENT, how=st.sampled_from(("drained", "killed", "unlinked")))
    def end_a_pod(self, who: int, pod: int, after: float, how: str) -> None:
        """Its link, or itself, and another stands in its place, while a poll is under way and messages are coming."""

        async def ended() -> None:
            slot, client = self.row.slots[pod], self.clients[who]
            await client.unpark()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.ask(slot, client.ack, wait=0.1))
                tasks.create_task(self.room.put(self.ids(2)))
                await asyncio.sleep(after)
                await slot.end(how)

        self.run(ended())

    @rule(pod=POD)
    def lapse(self, pod: int) -> None:
        """Its lease is over, and a sweep calls those that it reads for detached: it reads for nobody by that name."""

        async def lapsed() -> None:
            await self.row.slots[pod].lapse()
            await self.row.sweep()

        self.run(lapsed())

    @rule(who=WHO, pod=POD, robbed=st.booleans())
    def sweep(self, who: int, pod: int, robbed: bool) -> None:
        """Nobody who reads at a living pod is detached by it, nor stays so whose tags were taken by mistake."""

        async def swept() -> None:
            client = self.clients[who]
            if client.parked is None:
                await client.park(self.row.slots[pod], 100)
            if robbed:
                attachments = LogAttachments(self.row.database)
                for tag in (await attachments.read([client.participant]))[client.participant].pods:
                    await attachments.remove({client.participant: (tag, None)})
            await self.row.sweep()
            for one in self.clients:
                await one.until_attached()

        self.run(swept())

    def teardown(self) -> None:
        """Everybody reads to the end."""
        if self.clients and not self.broken:
            self.run(self._end())

    async def _end(self) -> None:
        await self.row.until_up()
        async with asyncio.TaskGroup() as tasks:
            for client in self.clients:
                slots = self.chance.sample(self.row.slots, self.chance.randint(1, 3))
                tasks.create_task(client.read_all(slots))
