"""Log subscription: where one reader is in its session's log and in its seat's; nothing is held for it but that."""

import asyncio
from functools import partial

from api.mailboxes.unacked import Batch
from api.readers.feed_ports import Entries, FeedLog, SeatFeed
from api.readers.log_seat import LogSeat, Why
from api.readers.log_session import ENTRIES_AT_ONCE, LogSession
from api.readers.portions import Ending, own_of, portion_of
from api.readers.ports import Push, Shared, Sink
from api.readers.resync import resync
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.ids import ParticipantId
from callplane.contracts.refusals.mailboxes import mailbox_gone
from callplane.store.log.place import Place
from callplane.telemetry.logs import logger

AT_ONCE = 100
NOT_THERE_YET = 0.1
"""Seconds until a page is read again that was empty though the head is behind it."""


class LogSubscription:
    """The Subscription port, of a stream or of one poll."""

    def __init__(self, session: LogSession, seat: LogSeat, place: Place, feed: SeatFeed) -> None:
        self._session = session
        self._seat = seat
        self._feed: SeatFeed | None = feed
        """None once it is closed."""
        self._log = session.log
        self._own = feed.seat
        hidden = seat.hidden
        self._at = hidden[1] if hidden is not None and hidden[0] == place.session else place.session
        """How far it has been given its session's log."""
        self._told = place.session
        """How far its client knows that: behind it, nothing was for this seat."""
        self._at_own = place.seat
        """And its seat's."""
        self._news: asyncio.Future[bool] | None = None
        """Resolved with True when something is there that ``next`` gives, with False when the time is over."""
        self._sink: Sink | None = None
        """Is given what comes, while the client is at the head."""
        self._passing: list[bytes] = []
        """What is never kept and came while nobody but ``next`` could give it."""
        self._given_at = 0.0
        """When, in loop time, the sink was given something last."""
        self._failure: Why | None = None
        """What it ends with; None while it goes on."""
        self._own.watch(self._own_moved)

    @property
    def participant_id(self) -> ParticipantId:
        """Whose messages it reads."""
        return self._seat.participant_id

    @property
    def place(self) -> int:
        """How far it has been given the session's log."""
        return self._at

    @property
    def lag(self) -> int:
        """How many entries of its logs it has yet to be given, those for others with them."""
        return max(0, self._log.head - self._at) + max(0, self._own.head - self._at_own)

    @property
    def is_full(self) -> bool:
        """Never: what is not acknowledged stays in the log, and nothing of it here."""
        return False

    @property
    def has_unread(self) -> bool:
        """Never, as nothing waits to go with a ``next``."""
        return False

    def is_unread(self, since: float) -> bool:
        """Never: nobody waits for its acknowledgements."""
        return False

    def acknowledge(self, token: str) -> None:
        """The client has everything up to this token; of one that it was not given, up to what it was."""
        place = Place.parse(token)
        if place is not None:
            self._seat.acknowledge(place, Place(self._at, self._at_own))

    async def acknowledged(self, within: float) -> bool:
        """Nothing waits for it."""
        return True

    async def next(self, wait: float, most: int = AT_ONCE) -> Batch:
        """What follows, waited for so long; empty ones are the heartbeat. Raises Refusal and Unavailable."""
        until = asyncio.get_running_loop().time() + wait
        while True:
            self._require_open()
            batch = await self._page(most)
            if batch.received:
                return batch
            self._require_open()
            if not await self._wait(until) and asyncio.get_running_loop().time() >= until - 0.001:
                return batch

    async def push(self, sink: Sink, wait: float) -> bool:
        """Have the sink given what comes; True for a heartbeat, False when ``next`` has something."""
        self._require_open()
        if self._is_behind():
            return False
        loop = asyncio.get_running_loop()
        self._given_at = loop.time()
        self._sink = sink
        try:
            return not await self._wait(self._given_at + wait)
        finally:
            self._sink = None

    def end(self, why: Why) -> None:
        """It is over: whoever waits hears it now, whoever asks later then."""
        self._failure = self._failure or why
        if self._news is not None and not self._news.done():
            self._news.set_exception(why())

    def close(self) -> None:
        """Its client has left, or is told to come again."""
        self.leave(closed=True)

    def leave(self, *, closed: bool) -> None:
        """It is over; unless its door was closed its client is about to ask again, as after the answer to a poll."""
        feed, self._feed = self._feed, None
        if feed is not None:
            if self._at > self._told:  # nobody walks over that again, poll after poll
                self._seat.hidden = self._told, self._at
            self._seat.leave(self, closed=closed)
            self._own.unwatch(self._own_moved)
            self._session.left()
            feed.close()

    def news(self) -> None:
        """The session's log goes on."""
        if self._log.head <= self._at or self._news is None or self._news.done():
            return
        portion = self._session.portion(self._at)
        if portion is None:
            self._news.set_result(True)
            return
        shared, ending = portion.public, None
        if portion.closes or self._seat.participant_id in portion.concerned:
            shared, ending = own_of(portion, self._seat.participant_id)
        if shared.bodies and not self._give(Push(shared, f".{self._at_own}")):
            return
        self._at = ending.position if ending else portion.last
        self._told = self._at if shared.bodies else self._told
        if ending is not None:
            self._come_to(ending)

    def pass_on(self, shared: Shared) -> None:
        """Something that is never kept: it is given now, or not at all."""
        if self._news is None or self._news.done():
            return
        if self._sink is None:
            self._passing += shared.bodies
        self._give(Push(shared, f".{self._at_own}"))

    def _own_moved(self) -> None:
        """The seat's log goes on."""
        if self._own.head <= self._at_own or self._news is None or self._news.done():
            return
        recent = self._own.recent(self._at_own, ENTRIES_AT_ONCE)
        entries = recent.entries if recent is not None else ()
        if not entries:
            self._news.set_result(True)
            return
        tokens = tuple(f"{self._at}.{position}" for position, _ in entries)
        if self._give(Push(Shared(tuple(entry.body for _, entry in entries), tokens), "")):
            self._at_own = entries[-1][0]

    def _give(self, push: Push) -> bool:
        """Whether the sink took it; without one, or where it did not, ``next`` gives it."""
        taken = False
        try:
            taken = self._sink is not None and self._sink(push)
        except Exception:  # a mistake of one door must not keep the readers behind it from being told
            logger("readers").exception("a sink failed", participant=self._seat.participant_id)
        if taken:
            self._given_at = asyncio.get_running_loop().time()
        elif self._news is not None and not self._news.done():
            self._news.set_result(True)
        return taken

    def _come_to(self, ending: Ending) -> None:
        self._seat.ending = ending
        self.end(partial(mailbox_gone, ending.reason))

    def _require_open(self) -> None:
        if self._failure is not None:
            raise self._failure()

    def _is_behind(self) -> bool:
        return self._log.head > self._at or self._own.head > self._at_own

    async def _wait(self, until: float) -> bool:
        """Whether something is there; False when there is nothing until then."""
        loop = asyncio.get_running_loop()
        if self._is_behind():  # and yet the page was empty
            until = min(until, loop.time() + NOT_THERE_YET)
        news = self._news = loop.create_future()
        timer = loop.call_at(until, self._time_over, news, until - loop.time())
        self._session.wait(self)
        try:
            return bool(await news)
        finally:
            self._news = None
            timer.cancel()
            self._session.wait_no_more(self)

    def _time_over(self, news: asyncio.Future[bool], wait: float) -> None:
        """Nothing has come for so long; if something has been pushed meanwhile, the time begins with that."""
        if news.done():
            return
        loop = asyncio.get_running_loop()
        left = self._given_at + wait - loop.time() if self._sink is not None else 0.0
        if left > 0.001:
            loop.call_later(left, self._time_over, news, wait)
        else:
            news.set_result(False)

    async def _page(self, most: int) -> Batch:
        """What follows in both logs; of the seat's at most a half, so that neither keeps the other waiting."""
        received = [Publication(Place(self._at, self._at_own).token(), body) for body in self._passing]
        self._passing.clear()
        if self._own.head > self._at_own:
            for at, entry in await self._read(self._own, self._at_own, max(1, most // 2), received):
                self._at_own = at
                received.append(Publication(f"{self._at}.{at}", entry.body))
        while self._log.head > self._at and len(received) < most and self._failure is None:
            entries = await self._read(self._log, self._at, most - len(received), received)
            if not entries:
                break
            shared, ending = own_of(portion_of(entries), self._seat.participant_id)
            received += [
                Publication(f"{at}.{self._at_own}", body) for at, body in zip(shared.tokens, shared.bodies, strict=True)
            ]
            self._at = ending.position if ending else entries[-1][0]
            self._told = self._at if shared.bodies else self._told
            if ending is not None:
                self._come_to(ending)
            if received:
                break
        return Batch(tuple(received))

    async def _read(self, log: FeedLog, place: int, limit: int, received: list[Publication]) -> Entries:
        """From memory or the database; where some are not kept any more, that is told first."""
        recent = log.recent(place, limit)
        if recent is not None and recent.entries:
            return recent.entries
        page = await log.page(place, limit)
        if not page.gone or not page.entries:
            return page.entries
        before = page.entries[0][0] - 1
        if log is self._log:
            self._at = self._told = before
        else:
            self._at_own = before
        received.append(Publication(Place(self._at, self._at_own).token(), resync(self._seat.session_id)))
        return page.entries[: limit - 1]  # with what tells of it no more than were asked for
