"""Outgoing polls: those that came in here and whose mailbox another pod holds, forwarded to it."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from api.mailboxes.link_tasks import Tasks
from api.mailboxes.pod_messages import (
    NotHolder,
    ParkedPolls,
    PollAnswer,
    PollCancelled,
    PollParked,
    PollRefused,
    PollRelease,
    PollRequest,
    UnknownPolls,
    decode_batch,
    encode,
)
from api.mailboxes.poll import NotHeld, Poll
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import LinkLost, MailboxLink
from callplane.bus.ports import Unroutable
from callplane.concurrency import pause_unless
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, new_id
from callplane.contracts.refusals.mailboxes import holder_silent

HOLDERS_KEPT = 10_000


@dataclass(slots=True, eq=False)
class _Forward:
    """One poll on its way: ``heard_at`` is when its holder last said anything."""

    id: str
    queue: str
    heard_at: float
    parked: bool = False
    outcome: Batch | Exception | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    resolved: asyncio.Event = field(default_factory=asyncio.Event)

    def resolve(self, outcome: Batch | Exception) -> None:
        """End it, once."""
        if self.outcome is None:
            self.outcome = outcome
        self.resolved.set()
        self.news.set()


HolderReply = PollParked | NotHolder | PollRefused | PollAnswer
"""What a holder says about one poll."""


class OutgoingPolls:
    """The polls that this pod has sent to others over one link."""

    def __init__(self, link: MailboxLink, timing: Timing, tasks: Tasks) -> None:
        self._link = link
        self._timing = timing
        self._tasks = tasks
        self._open: dict[str, _Forward] = {}
        """Those that wait for their outcome, by the id that they were sent under."""
        self.forwarded = 0
        """How many polls went to another pod from here."""
        self._holders: OrderedDict[ParticipantId, str] = OrderedDict()
        """The queue of the pod that answered for a mailbox last, for as many as are kept."""

    def __len__(self) -> int:
        """How many polls wait elsewhere."""
        return len(self._open)

    def holder_of(self, participant_id: ParticipantId) -> str | None:
        """Where this mailbox was when it was last asked for: a holder stays one for as long as its queue lives."""
        return self._holders.get(participant_id)

    async def forward(self, queue: str, poll: Poll) -> Batch:
        """The holder's answer. Raises NotHeld when it is gone or does not hold it, Refusal, LinkLost."""
        loop = asyncio.get_running_loop()
        forward = _Forward(new_id(), queue, loop.time())
        self._open[forward.id] = forward
        self.forwarded += 1
        try:
            batch = await self._outcome(forward, poll)
            self._remember(poll.participant_id, queue)
            return batch
        except NotHeld:
            self._holders.pop(poll.participant_id, None)
            raise
        except (asyncio.CancelledError, Refusal):
            self._tasks.start(self._post_cancelled, forward)
            raise
        finally:
            del self._open[forward.id]

    def _remember(self, participant_id: ParticipantId, queue: str) -> None:
        self._holders[participant_id] = queue
        self._holders.move_to_end(participant_id)
        if len(self._holders) > HOLDERS_KEPT:
            self._holders.popitem(last=False)

    async def _outcome(self, forward: _Forward, poll: Poll) -> Batch:
        loop = asyncio.get_running_loop()
        while True:
            forward.news.clear()
            if not forward.parked:
                await self._post_request(forward, poll)
            silent_at = forward.heard_at + self._timing.silence
            left = silent_at - loop.time() if forward.parked else self._timing.ask_again
            await pause_unless(forward.news, left)
            if isinstance(forward.outcome, Batch):
                return forward.outcome
            if forward.outcome is not None:
                raise forward.outcome
            # Silence is no take-over: a holder that is merely slow would find its mailbox read beside it (design 4.1).
            if loop.time() - forward.heard_at >= self._timing.silence:
                raise holder_silent()
            if loop.time() >= poll.until + self._timing.silence:
                raise holder_silent()

    async def _post_request(self, forward: _Forward, poll: Poll) -> None:
        if forward.outcome is not None:
            return
        request = PollRequest(
            id=forward.id,
            sender=self._link.queue,
            participant_id=poll.participant_id,
            session_id=poll.session_id,
            ack=poll.ack,
            most=poll.most,
            wait=max(0.0, poll.until - asyncio.get_running_loop().time()),
            asked=poll.asked_at,
            after=poll.after,
        )
        try:
            await self._link.post(forward.queue, encode(request))
        except Unroutable:
            raise NotHeld from None

    async def _post_cancelled(self, forward: _Forward) -> None:
        await self._post(forward.queue, PollCancelled(id=forward.id))

    async def _post(self, queue: str, message: PollCancelled | PollRelease | ParkedPolls) -> bool:
        """Post a message that nobody waits for; False when its addressee is gone."""
        try:
            await self._link.post(queue, encode(message))
        except Unroutable:
            return False
        except LinkLost:
            pass
        return True

    def receive(self, reply: HolderReply, bodies: bytes) -> None:
        """What a holder says about one poll; nothing, when nobody waits for it any more."""
        forward = self._open.get(reply.id)
        if forward is None:
            return
        forward.heard_at = asyncio.get_running_loop().time()
        match reply:
            case PollParked():
                forward.parked = True
            case NotHolder():
                forward.resolve(NotHeld())
            case PollRefused(problem=problem):
                forward.resolve(Refusal.of(problem))
            case PollAnswer():
                forward.resolve(decode_batch(reply, bodies))

    def receive_unknown_polls(self, unknown: UnknownPolls) -> None:
        """The holder is there; those of our polls that it does not know are asked again."""
        now = asyncio.get_running_loop().time()
        for forward in self._open.values():
            if forward.queue == unknown.sender:
                forward.heard_at = now
                if forward.id in unknown.ids:
                    forward.parked = False
                    forward.news.set()

    async def name_parked(self) -> None:
        """Name to each holder the polls that are parked there; a holder that is gone holds none of them."""
        parked: dict[str, list[str]] = defaultdict(list)
        for forward in self._open.values():
            if forward.parked:
                parked[forward.queue].append(forward.id)
        for queue, ids in parked.items():
            if not await self._post(queue, ParkedPolls(sender=self._link.queue, ids=ids)):
                for name in self._open.keys() & ids:
                    self._open[name].resolve(NotHeld())

    def fail(self, why: Callable[[], Exception]) -> None:
        """End every poll that waits elsewhere."""
        for forward in self._open.values():
            forward.resolve(why())

    async def release(self) -> None:
        """Have every poll that waits elsewhere answered there: this pod is about to stop."""
        released = [forward for forward in self._open.values() if forward.outcome is None]
        for forward in released:
            await self._post(forward.queue, PollRelease(id=forward.id, sender=self._link.queue))
        for forward in released:
            await forward.resolved.wait()

    def answer_empty(self) -> None:
        """Answer what is left with nothing."""
        for forward in self._open.values():
            forward.resolve(Batch())
