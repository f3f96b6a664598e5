"""A client of one mailbox in a life that is chosen step by step: whatever it is answered is judged at once."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from api.mailboxes.window import Batch
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment
from tests.support.account import Account
from tests.support.mailboxes import texts_of
from tests.support.slots import Row, Slot

ANSWER_WITHIN = 15.0
PARKED_FOR = 3.0


@dataclass(frozen=True)
class Ask:
    """One request: ``leaves`` is after how many seconds the client is gone, ``lost`` that no answer reaches it."""

    slot: Slot
    ack: str | None
    most: int = 100
    wait: float = 0.0
    leaves: float | None = None
    lost: bool = False


@dataclass
class Client:
    """Reads as browsers do, apart from what goes wrong on purpose."""

    row: Row
    participant: ParticipantId
    account: Account = field(default_factory=Account)
    read: list[str] = field(default_factory=list)
    """What reached it, repeats dropped by id."""
    acks: list[str] = field(default_factory=list)
    parked: asyncio.Task[Batch | str] | None = None
    rivals: bool = False
    """Whether it has had two polls at a time, or left one, which may then be taken for the newer."""
    _turn: int = 0
    _undisturbed: tuple[float, int] = (0.0, 0)
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

    async def ask(self, ask: Ask) -> Batch | str:
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

    async def park(self, ask: Ask) -> None:
        """Begin a poll that waits."""
        self.rivals = self.rivals or self.parked is not None
        await self.unpark()
        self._undisturbed = asyncio.get_running_loop().time() + PARKED_FOR / 2, self.row.hits
        self.parked = self.row.tasks.create_task(self._outcome(ask))
        await asyncio.sleep(0.02)

    @property
    def is_parked(self) -> bool:
        """Whether a poll waits and nothing has been done to any pod since it began."""
        until, hits = self._undisturbed
        waits = self.parked is not None and not self.parked.done()
        return waits and hits == self.row.hits and asyncio.get_running_loop().time() < until

    async def _outcome(self, ask: Ask) -> Batch | str:
        try:
            return await self.ask(ask)
        except AssertionError as broken:
            return f"broken: {broken}"

    async def unpark(self) -> Batch | str | None:
        """What became of the poll that waits."""
        if self.parked is None:
            return None
        outcome, self.parked = await self.parked, None
        assert not (isinstance(outcome, str) and outcome.startswith("broken")), outcome
        return outcome

    async def read_all(self, slots: list[Slot]) -> None:
        """Read to the end, through these in turn, whatever is refused meanwhile."""
        async with asyncio.timeout(ANSWER_WITHIN):
            for n in range(1_000):
                answer = await self.ask(Ask(slots[n % len(slots)], self.ack))
                if isinstance(answer, Batch) and not answer.received and self._has_all():
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.01 if isinstance(answer, Batch) else 0.1):
                        await asyncio.Event().wait()
        assert self.read == list(dict.fromkeys(self.account.sent)), self.read

    def _has_all(self) -> bool:
        tokens = self.account.tokens
        return len(tokens) == len(self.account.sent) and (not tokens or self.ack == tokens[-1])
