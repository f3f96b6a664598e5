"""The holding side: polls that other pods forward."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from api.mailboxes.holder import Holder
from api.mailboxes.link_tasks import Tasks
from api.mailboxes.pod_messages import (
    NotHolder,
    ParkedPolls,
    PollCancelled,
    PollParked,
    PollRefused,
    PollRelease,
    PollRequest,
    UnknownPolls,
    encode,
    encode_batch,
)
from api.mailboxes.poll import NotHeld, Poll
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import LinkLost
from callplane.bus.ports import Unroutable
from callplane.contracts.errors import Problem, Refusal, Trouble, Unavailable

ANSWERED_KEPT = 4096


@dataclass(slots=True, eq=False)
class _Served:
    """A poll of another pod that is being answered; ``named`` is when that pod last spoke of it."""

    sender: str
    poll: Poll
    named: float
    task: asyncio.Task[None] | None = None
    parked: bool = False


class IncomingPolls:
    """Answers the polls that come by letter over one link."""

    def __init__(self, holder: Holder, timing: Timing, tasks: Tasks) -> None:
        self._holder = holder
        self._timing = timing
        self._tasks = tasks
        self._open: dict[str, _Served] = {}
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._stopping = False

    def hear_ask(self, ask: PollRequest) -> None:
        """Answer a poll, or say again that it is parked."""
        # The second copy of a question that crossed with its answer must not take a newer poll's place; and when we
        # are about to stop, who hears nothing asks again, and finds our queue gone.
        if ask.id in self._answered or self._stopping:
            return
        served = self._open.get(ask.id)
        now = asyncio.get_running_loop().time()
        if served is None:
            served = self._open[ask.id] = _Served(ask.sender, _poll_of(ask, now), now)
            served.task = self._tasks.start(self._serve, ask, served)
            return
        served.named = now
        if served.parked:
            self._say(ask.sender, encode(PollParked(id=ask.id)))

    def hear_left(self, letter: PollCancelled) -> None:
        """The client of a poll is gone."""
        self._drop(letter.id)

    def hear_release(self, letter: PollRelease) -> None:
        """Answer a poll now, for the pod that asked is about to stop."""
        served = self._open.get(letter.id)
        if served is None or served.task is None:
            if letter.id not in self._answered:
                self._remember(letter.id)
                self._say(letter.sender, encode_batch(letter.id, Batch()))
            return
        mailbox = self._holder.find(served.poll.participant_id)
        if mailbox is None or not mailbox.release(served.poll):
            self._drop(letter.id)
            self._remember(letter.id)
            self._say(letter.sender, encode_batch(letter.id, Batch()))

    def hear_roll(self, roll: ParkedPolls) -> None:
        """Keep what is named, and say which are not known here."""
        now = asyncio.get_running_loop().time()
        for name in roll.ids:
            if name in self._open:
                self._open[name].named = now
        strangers = [name for name in roll.ids if name not in self._open and name not in self._answered]
        self._say(roll.sender, encode(UnknownPolls(sender=self._holder.link.queue, ids=strangers)))

    def drop_unnamed(self) -> None:
        """Drop the polls that their pod has not named for a while: it is gone, or knows nothing of them."""
        before = asyncio.get_running_loop().time() - self._timing.unnamed
        for name in [name for name, served in self._open.items() if served.parked and served.named < before]:
            self._drop(name)

    async def settled(self) -> None:
        """Take no more polls, and wait until those that were being answered have their answer posted."""
        self._stopping = True
        open_tasks = [served.task for served in self._open.values() if served.task is not None]
        if open_tasks:
            await asyncio.wait(open_tasks)

    def _drop(self, name: str) -> None:
        served = self._open.pop(name, None)
        if served is not None and served.task is not None:
            served.task.cancel()

    async def _serve(self, ask: PollRequest, served: _Served) -> None:
        try:
            answer = await self._answer(ask, served)
        except asyncio.CancelledError:
            self._close(ask.id, served)
            raise
        self._remember(ask.id)
        await self._post(ask.sender, answer)
        self._close(ask.id, served)

    def _remember(self, name: str) -> None:
        self._answered[name] = None
        if len(self._answered) > ANSWERED_KEPT:
            self._answered.popitem(last=False)

    def _close(self, name: str, served: _Served) -> None:
        if self._open.get(name) is served:
            del self._open[name]

    async def _answer(self, ask: PollRequest, served: _Served) -> bytes:
        """What to say: a batch, a refusal, or "not mine", which nobody hears while the mailbox is being taken."""
        poll = served.poll

        def parked() -> None:
            served.parked = True
            self._say(ask.sender, encode(PollParked(id=ask.id)))

        try:
            if self._holder.is_taking(poll.participant_id):
                parked()
                await self._holder.taken(poll.participant_id)
            mailbox = self._holder.find(poll.participant_id)
            if mailbox is None:
                return encode(NotHolder(id=ask.id))
            return encode_batch(ask.id, await mailbox.poll(poll, parked))
        except NotHeld:
            return encode(NotHolder(id=ask.id))
        except Refusal as refusal:
            return encode(PollRefused(id=ask.id, problem=refusal.problem))
        except (Unavailable, Trouble):
            return encode(PollRefused(id=ask.id, problem=Problem(code="unavailable", retry_after=1)))

    def _say(self, queue: str, letter: bytes) -> None:
        self._tasks.start(self._post, queue, letter)

    async def _post(self, queue: str, letter: bytes) -> None:
        """Post a word; a pod that is gone needs none."""
        try:
            await self._holder.link.post(queue, letter)
        except (Unroutable, LinkLost):
            return


def _poll_of(ask: PollRequest, now: float) -> Poll:
    return Poll(
        participant_id=ask.participant_id,
        session_id=ask.session_id,
        ack=ask.ack,
        most=ask.most,
        until=now + ask.wait,
        asked=ask.asked,
        after=ask.after,
    )
