"""Incoming polls: those that other pods forward to the holder here, answered over its link."""

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
    """A poll of another pod that is being answered; ``named_at`` is when that pod last spoke of it."""

    sender: str
    poll: Poll
    named_at: float
    task: asyncio.Task[None] | None = None
    parked: bool = False


class IncomingPolls:
    """Answers the polls that other pods send over one link."""

    def __init__(self, holder: Holder, timing: Timing, tasks: Tasks) -> None:
        self._holder = holder
        self._timing = timing
        self._tasks = tasks
        self._open: dict[str, _Served] = {}
        """Those that are being answered, by the id that their pod gave them."""
        self._answered: OrderedDict[str, None] = OrderedDict()
        """The last that were answered: a copy that comes late is not answered again."""
        self._stopping = False
        """Whether this pod is about to stop: set once, and no poll is taken after that."""

    def receive_request(self, request: PollRequest) -> None:
        """Answer a poll, or say again that it is parked."""
        # The second copy of a question that crossed with its answer must not take a newer poll's place; and when we
        # are about to stop, who hears nothing asks again, and finds our queue gone.
        if request.id in self._answered or self._stopping:
            return
        served = self._open.get(request.id)
        now = asyncio.get_running_loop().time()
        if served is None:
            served = self._open[request.id] = _Served(request.sender, _poll_of(request, now), now)
            served.task = self._tasks.start(self._serve, request, served)
            return
        served.named_at = now
        if served.parked:
            self._say(request.sender, encode(PollParked(id=request.id)))

    def receive_cancelled(self, cancelled: PollCancelled) -> None:
        """The client of a poll is gone."""
        self._drop(cancelled.id)

    def receive_release(self, release: PollRelease) -> None:
        """Answer a poll now, for the pod that asked is about to stop."""
        served = self._open.get(release.id)
        if served is None or served.task is None:
            if release.id not in self._answered:
                self._remember(release.id)
                self._say(release.sender, encode_batch(release.id, Batch()))
            return
        mailbox = self._holder.find(served.poll.participant_id)
        if mailbox is None or not mailbox.release(served.poll):
            self._drop(release.id)
            self._remember(release.id)
            self._say(release.sender, encode_batch(release.id, Batch()))

    def receive_parked_polls(self, parked: ParkedPolls) -> None:
        """Keep what is named, and say which are not known here."""
        now = asyncio.get_running_loop().time()
        for name in parked.ids:
            if name in self._open:
                self._open[name].named_at = now
        unknown = [name for name in parked.ids if name not in self._open and name not in self._answered]
        self._say(parked.sender, encode(UnknownPolls(sender=self._holder.link.queue, ids=unknown)))

    def drop_unnamed(self) -> None:
        """Drop the polls that their pod has not named for a while: it is gone, or knows nothing of them."""
        before = asyncio.get_running_loop().time() - self._timing.unnamed
        for name in [name for name, served in self._open.items() if served.parked and served.named_at < before]:
            self._drop(name)

    async def drain(self) -> None:
        """Take no more polls, and wait until those that were being answered have their answer posted."""
        self._stopping = True
        open_tasks = [served.task for served in self._open.values() if served.task is not None]
        if open_tasks:
            await asyncio.wait(open_tasks)

    def _drop(self, name: str) -> None:
        served = self._open.pop(name, None)
        if served is not None and served.task is not None:
            served.task.cancel()

    async def _serve(self, request: PollRequest, served: _Served) -> None:
        try:
            answer = await self._answer(request, served)
        except asyncio.CancelledError:
            self._close(request.id, served)
            raise
        self._remember(request.id)
        await self._post(request.sender, answer)
        self._close(request.id, served)

    def _remember(self, name: str) -> None:
        self._answered[name] = None
        if len(self._answered) > ANSWERED_KEPT:
            self._answered.popitem(last=False)

    def _close(self, name: str, served: _Served) -> None:
        if self._open.get(name) is served:
            del self._open[name]

    async def _answer(self, request: PollRequest, served: _Served) -> bytes:
        """What to say: a batch, a refusal, or "not mine", which nobody hears while the mailbox is being taken."""
        poll = served.poll

        def parked() -> None:
            served.parked = True
            self._say(request.sender, encode(PollParked(id=request.id)))

        try:
            if self._holder.is_taking(poll.participant_id):
                parked()
                await self._holder.taken(poll.participant_id)
            mailbox = self._holder.find(poll.participant_id)
            if mailbox is None:
                return encode(NotHolder(id=request.id))
            return encode_batch(request.id, await mailbox.poll(poll, parked))
        except NotHeld:
            return encode(NotHolder(id=request.id))
        except Refusal as refusal:
            return encode(PollRefused(id=request.id, problem=refusal.problem))
        except (Unavailable, Trouble):
            return encode(PollRefused(id=request.id, problem=Problem(code="unavailable", retry_after=1)))

    def _say(self, queue: str, message: bytes) -> None:
        self._tasks.start(self._post, queue, message)

    async def _post(self, queue: str, message: bytes) -> None:
        """Post a message; a pod that is gone needs none."""
        try:
            await self._holder.link.post(queue, message)
        except (Unroutable, LinkLost):
            return


def _poll_of(request: PollRequest, now: float) -> Poll:
    return Poll(
        participant_id=request.participant_id,
        session_id=request.session_id,
        ack=request.ack,
        most=request.most,
        until=now + request.wait,
        asked_at=request.asked,
        after=request.after,
    )
