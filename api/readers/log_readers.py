"""Readers of engine ``log``: polls and streams that follow logs on any pod, and the seats that they keep attached."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.attaching import Attaching
from api.readers.feed_ports import Feeds, SeatFeed
from api.readers.incarnation import Incarnation
from api.readers.log_seat import LogSeat, Why
from api.readers.log_session import LogSession
from api.readers.log_subscription import LogSubscription
from api.readers.ports import Question
from callplane.concurrency import alongside, pause_unless, until_done
from callplane.contracts.errors import Refusal, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.mailboxes import database_silent, mailbox_gone, server_stopping
from callplane.store.attachments import Attachment
from callplane.store.incarnations import Incarnations
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments

ATTACHED_WITHIN = 5.0
LOOKED_AROUND_EVERY = 60.0

Attached = asyncio.Future[Why | None]
"""Resolved when a seat is attached, or with why it is not."""


@dataclass(frozen=True, slots=True)
class LogReaderServices:
    """What the readers of logs share with the rest of the program."""

    feeds: Feeds
    attachments: LogAttachments
    incarnations: Incarnations
    now: Callable[[], datetime]
    """The database's time."""
    timing: Timing = field(default_factory=Timing)
    failed: Callable[[str], None] = lambda _: None
    """Is told of each loop that met what it did not expect, and is begun again."""


class LogReaders:
    """The Readers port on logs."""

    def __init__(self, services: LogReaderServices) -> None:
        self.timing = services.timing
        self._services = services
        self.seats: dict[ParticipantId, LogSeat] = {}
        """Those that somebody reads here, or has read a moment ago."""
        self._sessions: dict[SessionId, LogSession] = {}
        """Those that somebody reads here."""
        self.stopping = asyncio.Event()
        """Set by the drain, for good."""
        self.incarnation = Incarnation(services.incarnations, services.timing.lease, self._lapsed)
        self.attaching = Attaching(services.attachments, self.incarnation, self.seats)

    def lag(self) -> int:
        """How many entries the slowest reader here has yet to be given."""
        return max((reader.lag for seat in self.seats.values() for reader in seat.readers), default=0)

    async def require_seat(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment. Raises Refusal when the seat is gone, and Unavailable."""
        found = (await self._services.attachments.read([participant_id])).get(participant_id)
        if found is None or found.state == "ended":
            raise mailbox_gone(found.reason if found else None)
        return found

    async def poll(self, question: Question) -> Batch:
        """Wait for messages; cancelling says that the client has left. Raises Refusal and Unavailable."""
        subscription = await self.subscribe((question.session_id, question.participant_id), question.ack)
        closed = True
        try:
            batch = await subscription.next(question.wait, question.most)
            closed = False
            return batch
        except Refusal:
            closed = False  # its client hears that, and asks again or does not
            if self.stopping.is_set():
                return Batch()
            raise
        finally:
            subscription.leave(closed=closed)

    async def subscribe(self, seat: tuple[SessionId, ParticipantId], ack: str | None) -> LogSubscription:
        """A stream that goes on behind ``ack``; close it. Raises Refusal and Unavailable."""
        self._require_serving()
        session_id, participant_id = seat
        here = self.seats.get(participant_id) or LogSeat(session_id, participant_id)
        self.seats[participant_id] = here
        here.coming += 1
        try:
            return await self._open(here, Place.parse(ack))
        finally:
            here.coming -= 1

    async def _open(self, seat: LogSeat, ack: Place | None) -> LogSubscription:
        seat.wants_place = seat.wants_place or ack is None
        attached = self.attaching.attach(seat)  # both at once: the write waits for others of its kind
        feed = await self._services.feeds.open(seat.session_id, seat.participant_id)
        try:
            place = await self._place(seat, ack, attached, feed)
        except BaseException:
            feed.close()
            raise
        session = self._sessions.get(seat.session_id)
        if session is None or session.log is not feed.session:
            session = self._sessions[seat.session_id] = LogSession(
                seat.session_id, feed.session, self._services.now, self._left
            )
        session.users += 1
        subscription = LogSubscription(session, seat, place, feed)
        seat.enter(subscription)
        return subscription

    async def _place(self, seat: LogSeat, ack: Place | None, attached: "Attached | None", feed: SeatFeed) -> Place:
        """Where it begins, once the seat is attached."""
        if attached is not None:
            await self._wait_for(attached)
        if ack is None and (attached is None or seat.wants_place):
            seat.stored((await self.require_seat(seat.participant_id)).place)
        self._require_serving()
        if ack is not None:
            seat.acknowledge(ack, Place(feed.session.head, feed.seat.head))
        place = ack or seat.place
        if seat.ending is not None and place.session >= seat.ending.position:
            raise mailbox_gone(seat.ending.reason)
        return place

    @staticmethod
    async def _wait_for(attached: "Attached") -> None:
        # Waited for, not awaited: another reader of this seat may wait for the same, and one's end is not the other's.
        done, _ = await asyncio.wait((attached,), timeout=ATTACHED_WITHIN)
        why = attached.result() if done else database_silent
        if why is not None:
            raise why()

    def _left(self, session: LogSession) -> None:
        if self._sessions.get(session.session_id) is session:
            del self._sessions[session.session_id]

    def _require_serving(self) -> None:
        if self.stopping.is_set():
            raise server_stopping()
        if not self.incarnation.lives:
            raise database_silent()

    def _lapsed(self) -> None:
        """Sweeps may call our seats detached: whoever reads here comes again, and is attached by another name."""
        self.attaching.forget()
        for seat in self.seats.values():
            seat.fail(database_silent)

    async def look_after(self) -> None:
        """Each second: see that the incarnation lives, who has left, and whose seat has ended."""
        while not await pause_unless(self.stopping, self.timing.beat):
            self.incarnation.watch()
            with suppress(Unavailable, Trouble):
                await self.attaching.look_after(self.timing.away)

    async def look_around(self) -> None:
        """Each minute: places are written down, and stray tags taken out."""
        while not await pause_unless(self.stopping, LOOKED_AROUND_EVERY):
            with suppress(Unavailable, Trouble):
                await self.attaching.look_around()

    async def drain(self) -> None:
        """Answer every poll with nothing, end every stream, and let go of the seats."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        for seat in self.seats.values():
            seat.fail(server_stopping)
        with suppress(Unavailable, Trouble):
            await self.attaching.detach_all()
            await self.incarnation.release()


@asynccontextmanager
async def open_log_readers(
    services: LogReaderServices, draining: asyncio.Event | None = None
) -> AsyncIterator[LogReaders]:
    """Everything that reading logs needs, until the block ends, or ``draining`` has all of it answered."""
    readers = LogReaders(services)
    with suppress(Unavailable, Trouble):  # begun again in a moment
        await readers.incarnation.renew()
    work: dict[str, Callable[[], Awaitable[None]]] = {
        "incarnation": partial(readers.incarnation.keep, readers.stopping, services.timing.beat),
        "adds": partial(readers.attaching.add, readers.stopping),
        "seats": readers.look_after,
        "places": readers.look_around,
        "drain": partial(_drain_at, draining or asyncio.Event(), readers),
    }
    async with alongside(*[until_done(f"log {name}", one, failed=services.failed) for name, one in work.items()]):
        try:
            yield readers
        finally:
            await readers.drain()


async def _drain_at(draining: asyncio.Event, readers: LogReaders) -> None:
    await draining.wait()
    await readers.drain()
