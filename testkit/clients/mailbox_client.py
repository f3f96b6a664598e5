"""A client of one mailbox in a life that is chosen step by step: whatever it is answered is judged at once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from api.mailboxes.unacked import Batch
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, new_id
from callplane.store.attachments import Attachment
from testkit.clients.expected_messages import ExpectedMessages
from testkit.crashes.pod_lives import PodSlot, PodSlots
from testkit.inprocess.mailboxes import texts_of

ANSWER_WITHIN = 15.0
PARKED_FOR = 3.0


@dataclass(frozen=True)
class PollAttempt:
    """One request: ``leaves`` is after how many seconds the client is gone, ``lost`` that no answer reaches it."""

    slot: PodSlot
    ack: str | None
    most: int = 100
    wait: float = 0.0
    leaves: float | None = None
    lost: bool = False


@dataclass
class MailboxClient:
    """Reads as browsers do, apart from what goes wrong on purpose."""

    row: PodSlots = field(repr=False)
    participant: ParticipantId
    account: ExpectedMessages = field(default_factory=ExpectedMessages)
    read: list[str] = field(default_factory=list)
    """What reached it, repeats dropped by id."""
    acks: list[str] = field(default_factory=list)
    parked: asyncio.Task[Batch | str] | None = None
    rivals: bool = False
    """Whether it has had two polls at a time, or left one, which may then be taken for the newer."""
    _turn: int = 0
    _begun: tuple[float, int, int] = (0.0, 0, 0)
    _asked: datetime = datetime.max
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def ack(self) -> str | None:
        """The token of what it was given last."""
        return self.acks[-1] if self.acks else None

    async def send(self, texts: list[str]) -> None:
        """Publish to this one."""
        self.account.sent += texts
        await self.row.scene.publisher.to(self.participant, *texts)

    async def look(self) -> Attachment:
        """Its attachment, which keeps the law."""
        async with self._looking:
            seen = await self.row.scene.attachment(self.participant)
            self.account.see(seen)
        return seen

    async def ask(self, ask: PollAttempt) -> Batch | str:
        """What it is answered, or the code of its refusal."""
        self._turn += 1
        turn = self._turn
        before = await self.look()
        stable = self.row.is_sole(before)
        floor = self.account.ask(ask.ack)
        try:
            async with asyncio.timeout(ANSWER_WITHIN), asyncio.timeout(ask.leaves):
                batch = await ask.slot.pod.poll(self.participant, ask.ack, ask.wait, ask.most)
        except TimeoutError:
            assert ask.leaves is not None, "no answer"
            self.rivals = True
            return "left"
        except Refusal as refusal:
            self._allow(refusal)
            return refusal.problem.code
        after = await self.look()
        stable = stable and after.n == before.n and self.row.is_sole(after)
        assert len(batch.received) <= ask.most
        self.account.judge(batch, floor if stable else None)
        if turn == self._turn and not ask.lost:
            self._take(batch)
        return batch

    def _allow(self, refusal: Refusal) -> None:
        code = refusal.problem.code
        assert code == "unavailable" or (code == "poll-replaced" and self.rivals), f"{refusal.problem}"

    def _take(self, batch: Batch) -> None:
        self.read += [text for text in dict.fromkeys(texts_of(batch)) if text not in self.read]
        if batch.ack is not None:
            self.acks.append(batch.ack)

    async def poll(self, ask: PollAttempt) -> None:
        """One poll; of an undisturbed one that waited before, it takes the place."""
        waiting, older = self._waits_at_its_holder(), self._begin()
        answered = isinstance(await self.ask(ask), Batch)
        left = await _outcome_of(older)
        assert not (waiting and answered and left == Batch()), "a newer poll was answered, but replaced nothing"

    async def park(self, ask: PollAttempt) -> None:
        """Begin a poll that waits."""
        older = self._begin()
        self._begun = asyncio.get_running_loop().time(), self.row.hits, self.row.drains
        self._asked = ask.slot.pod.new_poll(self.participant).asked_at
        self.parked = self.row.tasks.create_task(self._outcome(ask))
        await asyncio.sleep(0.02)
        await _outcome_of(older)

    def _begin(self) -> "asyncio.Task[Batch | str] | None":
        older, self.parked = self.parked, None
        self.rivals = self.rivals or older is not None
        return older

    def _waits_at_its_holder(self) -> bool:
        """Whether a newer poll finds it, unless something is done to a pod; on its way it may come after that one."""
        if not self._is_parked() or self._begun[1] != self.row.hits:
            return False
        return len([slot for slot in self.row.slots if slot.has_poll(self.participant, self._asked)]) == 1

    def _is_parked(self) -> bool:
        """Whether a poll waits somewhere, for not too long; pods may have had accidents, but none has been drained."""
        waits = self.parked is not None and not self.parked.done()
        is_young = asyncio.get_running_loop().time() < self._begun[0] + PARKED_FOR / 3
        return waits and is_young and self._begun[2] == self.row.drains

    async def _outcome(self, ask: PollAttempt) -> Batch | str:
        try:
            return await self.ask(ask)
        except AssertionError as broken:
            return f"broken: {broken}"

    async def meet(self, texts: list[str]) -> None:
        """Messages come, which a poll that waits does not wait out."""
        waiting = self._is_parked()
        await self.send(texts)
        answer = await _outcome_of(self._begin())
        assert not (waiting and answer == Batch()), "a message came, but not to the poll that waited for it"

    async def poll_twice(self, first: PollAttempt, second: PollAttempt, after: float) -> None:
        """Two polls at a time."""
        older, self.rivals = self._begin(), True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.ask(first))
            await asyncio.sleep(after)
            tasks.create_task(self.ask(second))
        await _outcome_of(older)

    async def poll_through(self, ask: PollAttempt, texts: list[str], accident: Callable[[], Awaitable[None]]) -> None:
        """A poll and messages are under way while something else happens."""
        older, self.rivals = self._begin(), True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.ask(ask))
            tasks.create_task(self.send(texts))
            tasks.create_task(_done(accident))
        await _outcome_of(older)

    async def rob(self) -> None:
        """A holder that is gone at once takes its mailbox, as the present one finds when it is in doubt."""
        seen = await self.look()
        slot = self.row.holder_of(self.participant)
        if slot is None or slot.link_session is None or slot.holds(self.participant) != (seen.holder, seen.n):
            return
        slot.hits += 1
        await self.row.scene.attachments.take(seen, f"pod.{new_id()}")
        slot.link_session.holder.mark_uncertain()
        async with asyncio.timeout(ANSWER_WITHIN):
            # It finds out by a poll that it lets in: one whose lease is over, or whose database is slow, lets in none.
            while slot.holds(self.participant) == (seen.holder, seen.n):
                await self.poll(PollAttempt(slot, self.ack))
                await asyncio.sleep(0.01)

    async def read_all(self, slots: list[PodSlot]) -> None:
        """Read to the end, through these in turn, whatever is refused meanwhile; then nothing is left."""
        until = asyncio.get_running_loop().time() + ANSWER_WITHIN
        for slot in itertools.cycle(slots):
            answer = await self.ask(PollAttempt(slot, self.ack))
            if answer == Batch() and len(self.account.tokens) == len(self.account.sent) and await self._is_quiet():
                break
            assert asyncio.get_running_loop().time() < until, f"{answer} after {self}"
            await asyncio.sleep(0.01 if isinstance(answer, Batch) else 0.1)
        await _outcome_of(self._begin())
        assert self.read == list(dict.fromkeys(self.account.sent)), self.read
        assert self.account.acknowledged == len(self.account.sent), f"the broker was told more than {self}"

    async def _is_quiet(self) -> bool:
        """Whether everything has been acknowledged to the broker, and nobody reads it but its holder."""
        left = (await self.row.servers.vhost.queues())[f"user.{self.participant}"]
        return left == 0 and self.row.is_sole(await self.look())


async def _outcome_of(parked: "asyncio.Task[Batch | str] | None") -> Batch | str | None:
    """What became of a poll that waited."""
    outcome = None if parked is None else await parked
    assert not (isinstance(outcome, str) and outcome.startswith("broken")), outcome
    return outcome


async def _done(work: Callable[[], Awaitable[None]]) -> None:
    await work()
