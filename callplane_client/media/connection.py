"""Connection: a published or received stream that outlives its endpoints; it offers again whenever one is lost."""

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import Any, Literal

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from callplane_client.errors import CallplaneError, Refused, Unreachable
from callplane_client.fields import Offer
from callplane_client.media.endings import at_most, to_its_end
from callplane_client.media.peer import Peer
from callplane_client.media.plans import Plan, Signalling
from callplane_client.media.tracks import ReceivedTrack
from callplane_client.retries import Retries
from callplane_client.shapes import Accepted, Connection

State = Literal["connecting", "connected", "reconnecting", "closed"]
Cause = Literal["media-lost", "connection-failed"]

CONNECT_SECONDS = 15.0
"""Longer than an ICE check over bad networks, shorter than people's patience."""
OUTCOME_SECONDS = 30.0
"""A 202 is settled by the mailbox; five attempts a second apart fit in here (design 3)."""
STOP_SECONDS = 10.0
MOST_CLOSING = 3
"""Former endpoints that are closed beside a new one; who loses them faster waits for their end."""
MOST_DOUBTS = 5
"""What may be a bug, or a state that has passed, is tried again too, but not for ever."""


class MediaConnection:
    """A stream that is kept; ``start`` runs it, ``close`` ends it."""

    def __init__(self, signalling: Signalling, plan: Plan, replaces: str | None = None) -> None:
        self._signalling = signalling
        self._plan = plan
        self._replaces = replaces
        self.id: str | None = None
        """Of the present endpoint; another after each loss."""
        self.state: State = "connecting"
        self.cause: Cause = "connection-failed"
        """Of the last loss."""
        self.epoch = 0
        """The endpoint's, or of the offer under way; 0 before the first."""
        self.error: CallplaneError | None = None
        """Why it was given up."""
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done with the first answer, or at the end."""
        self._failures = 0
        self._trouble: CallplaneError = Unreachable("lost")
        """The last; how long to wait behind it."""
        self._woken = asyncio.Event()
        self._is_lost = False
        self._tells = True
        """Whether the server is told when it is closed."""
        self._peer: Peer | None = None
        self._asking: asyncio.Task[Connection | Accepted] | None = None
        """An offer that is on its way."""
        self._pulls: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        """Former endpoints on their way to their end: nobody waits for them before the connection's own."""
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Offer, and again after each loss, until it is closed or given up."""
        self._task = self._signalling.tasks.create_task(self._run())
        self._task.add_done_callback(lambda _: self._over())

    def close(self, *, tell: bool = True) -> None:
        """End it, here and (``tell``) on the server; ``ended`` waits for it."""
        if self._task is not None and not self._task.done():
            self._tells = self._tells and tell
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until it has ended, with its sockets."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def restart(self) -> None:
        """Make a new endpoint in the place of the present one; while that is under way, hurry it."""
        self._is_lost = True
        self._woken.set()

    def wake(self) -> None:
        """The session is another: look at it again."""
        self._woken.set()

    async def candidate(self, candidate: dict[str, Any]) -> None:
        """A candidate of the server."""
        if self._peer is not None:
            await self._peer.candidate(candidate)

    @property
    def sends(self) -> list[str]:
        """The kinds that the server takes."""
        return self._peer.sends if self._peer is not None else []

    async def bytes_received(self) -> int:
        """By all its endpoints."""
        return self._bytes + (await self._peer.bytes_received() if self._peer is not None else 0)

    async def _run(self) -> None:
        try:
            while self.error is None:
                await to_its_end(self._hang_up())
                said = await self._rest()
                if await self._offered(said):
                    await self._until_lost()
        finally:
            await to_its_end(self._end())

    async def _rest(self) -> Offer:
        """Wait for as long as failures want it, and until there is something to offer for."""
        end = monotonic() + Retries().pause(self._trouble, self._failures - 1) if self._failures else 0.0
        while not self._is_lost and self.epoch >= self._signalling.epoch() and (left := end - monotonic()) > 0:
            self._woken.clear()
            async with at_most(left):
                await self._woken.wait()
        while (said := self._plan.offer()) is None:
            self._woken.clear()
            await self._woken.wait()
        return said

    async def _offered(self, said: Offer) -> bool:
        """Whether an offer was answered."""
        try:
            await self._offer(said)
        except CallplaneError as trouble:
            self._judge(trouble, doubtful=isinstance(trouble, Refused) and _is_doubtful(trouble))
        except Exception as trouble:  # an answer that aiortc cannot read, a track that it does not want
            self._judge(Unreachable(f"{type(trouble).__name__}: {trouble}"), doubtful=True)
        else:
            return True
        return False

    async def _offer(self, said: Offer) -> None:
        signalling, began = self._signalling, monotonic()
        if self.epoch and self.epoch < signalling.epoch():
            self._replaces = None  # what an epoch took with it cannot be replaced any more
        self.id, self.epoch, self._is_lost = None, signalling.epoch(), False
        peer = self._peer = Peer(signalling.ice_servers, self._woken.set)
        self._plan.fill(peer)
        made = await self._asked(await peer.offer(), said)
        self.id = made.id
        for candidate in signalling.early.candidates(made.id):
            await peer.candidate(candidate)
        try:
            found = made.sdp_answer if isinstance(made, Connection) else None
            answer = found or await signalling.early.outcome(getattr(made, "command_id", made.id), OUTCOME_SECONDS)
        except (CallplaneError, TimeoutError):
            await self._stop(made.id)  # it may still be made, and nobody would use it
            raise
        self._replaces = made.id
        self.epoch = made.epoch if isinstance(made, Connection) else signalling.epoch()
        late = await peer.answer(answer)
        self._is_lost = False  # what was said of a loss until now was of the endpoint before
        self._plan.made(made.id, began, [each.kind for each in peer.tracks])
        self._pulls = [signalling.tasks.create_task(_pull(each, self._plan.received)) for each in peer.tracks]
        if not self.answered.done():
            self.answered.set_result(None)
        if late:
            with suppress(CallplaneError):  # lost candidates show as a failed connection, which is offered again
                await signalling.seat.candidates(made.id, late)

    async def _asked(self, sdp: str, said: Offer) -> Connection | Accepted:
        """The reply to an offer, which is waited for whatever happens here: what it makes has to be stopped then."""
        whole = said.copy()
        if self._replaces:
            whole["replaces"] = self._replaces
        self._asking = asyncio.ensure_future(self._signalling.seat.offer(self._plan.kind, sdp, **whole))
        made = await asyncio.shield(self._asking)
        self._asking = None
        return made

    async def _until_lost(self) -> None:
        end = monotonic() + CONNECT_SECONDS
        while not self._is_lost and self.epoch >= self._signalling.epoch():
            self._woken.clear()
            state = self._peer.state if self._peer is not None else "closed"
            left: float | None = end - monotonic()
            if state == "connected":
                self._failures, left = 0, None
                self._become("connected")
            elif state in ("failed", "closed") or end <= monotonic():
                self._failures += 1
                break
            async with at_most(left):
                await self._woken.wait()
        self.cause = "media-lost" if self.epoch < self._signalling.epoch() else "connection-failed"
        self._become("reconnecting")

    def _judge(self, trouble: CallplaneError, doubtful: bool) -> None:
        """Try again, or give it up."""
        self._asking = None
        self._failures += 1
        self._trouble = trouble
        gone = isinstance(trouble, Refused) and trouble.status in (404, 409) and trouble.code != "session-closed"
        if gone and self._replaces:
            self._replaces = None  # what was to be replaced is gone: an ordinary offer will do
        elif (self._failures >= MOST_DOUBTS) if doubtful else not trouble.retryable:
            self.error = trouble
        self._signalling.troubled(self._plan.kind, trouble, self.error is not None)

    async def _end(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            await asyncio.wait({asking}, timeout=STOP_SECONDS if self._tells else 0)
            asking.cancel()
            await asyncio.wait({asking})
            if not asking.cancelled() and asking.exception() is None:
                self.id = asking.result().id
        await self._hang_up()
        if self._tells and self.error is None and (last := self.id or self._replaces):
            await self._stop(last)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _stop(self, connection_id: str) -> None:
        with suppress(CallplaneError, TimeoutError):  # it is swept with the seat
            async with asyncio.timeout(STOP_SECONDS):
                await self._signalling.seat.stop(connection_id)

    async def _hang_up(self) -> None:
        """Take nothing more from the present endpoint. It is closed beside what follows, for closing one that is still
        being connected may take seconds.
        """
        while len(self._closing) >= MOST_CLOSING:
            await asyncio.wait(self._closing, return_when=asyncio.FIRST_COMPLETED)
        peer, self._peer = self._peer, None
        pulls, self._pulls = self._pulls, []
        for each in pulls:
            each.cancel()
        if pulls:
            await asyncio.wait(pulls)
        if peer is not None:
            with suppress(Exception):  # statistics of what is broken
                self._bytes += await peer.bytes_received()
            closing = asyncio.ensure_future(peer.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closed)
        for track in self._plan.received.values():
            track.moved()

    def _closed(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (trouble := closing.exception()) is not None:
            logging.getLogger("callplane_client").warning("an endpoint could not be closed", exc_info=trouble)

    def _over(self) -> None:
        self._become("closed")
        if not self.answered.done():
            self.answered.set_result(None)

    def _become(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._plan.changed()


def _is_doubtful(refused: Refused) -> bool:
    """``wrong-state`` is also what an offer hears whose epoch has ended under it (design 7.1)."""
    return not refused.retryable and (refused.status == 500 or refused.code == "wrong-state")


async def _pull(track: MediaStreamTrack, into: dict[str, ReceivedTrack]) -> None:
    """Take what comes, whether anybody wants it or not: aiortc keeps all that is not taken."""
    with suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            if track.kind in into:
                into[track.kind].take(frame)  # type: ignore[arg-type]
