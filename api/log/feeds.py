"""Feeds: the sessions that somebody reads on this pod, whose logs it follows by hints and by looking."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

import bson
from bson.codec_options import CodecOptions

from api.log.catch_up import CatchUp, FeedCounts, FeedTiming, Followed
from api.log.feed_log import FollowedLog
from api.log.hint_link import PodHintLink
from callplane.bus.hint_ports import HintBus
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.batched_reads import BatchedReads
from callplane.store.log.reader import HEADS_AT_ONCE, Head, LogReader
from callplane.store.log.records import Entry, LogKey, Record, key_of, read_entries, read_record

OnAppended = Callable[[LogKey, Head, datetime], None]
"""Told where a log ends by a hint, and the database time of that."""

_AWARE: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
"""A hint's time is compared with the database's, which has its zone."""


@dataclass(slots=True, eq=False)
class Feed:
    """One session on this pod; ``users`` are its readers' seats."""

    session_id: SessionId
    logs: dict[str, FollowedLog] = field(default_factory=dict)
    users: int = 0
    dropping: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class SeatFeed:
    """The two logs of a seat, for one reader, until it is closed."""

    session: FollowedLog
    """The same object for all readers of the session."""
    seat: FollowedLog
    left: Callable[[], None]
    """Called once, at the end."""

    def close(self) -> None:
        """This reader is gone."""
        left, self.left = self.left, _nothing
        left()


def _nothing() -> None:
    """It is closed already."""


class Feeds:
    """All of them, on one link."""

    def __init__(
        self,
        hints: HintBus,
        reader: LogReader,
        timing: FeedTiming | None = None,
        appended: OnAppended = lambda *_: None,
    ) -> None:
        self.reader = reader
        self._heads = BatchedReads(reader.heads, HEADS_AT_ONCE)
        self._appended = appended
        self.counts = FeedCounts()
        self._timing = timing or FeedTiming()
        followed = Followed(self._logs, lambda: self._link.is_up, self._grew, self._missed)
        self._catch_up = CatchUp(followed, reader, self.counts, self._timing)
        self._link = PodHintLink(hints, self._on_hint, self._catch_up.look_at_all)
        self._feeds: dict[SessionId, Feed] = {}
        """The sessions that are followed."""
        self._warm: OrderedDict[LogKey, FollowedLog] = OrderedDict()
        """All logs, the one that grew last at the end."""
        self._ring_bytes = 0
        """What all rings hold."""
        self._turns = count()
        """Whose turn a new log shares: one after the other, so that each turn has as many."""

    def __len__(self) -> int:
        return len(self._feeds)

    @property
    def is_linked(self) -> bool:
        """Whether hints come at the moment."""
        return self._link.is_up

    @property
    def ring_bytes(self) -> int:
        """Bytes of the bodies that all rings hold."""
        return self._ring_bytes

    def totals(self) -> FeedCounts:
        """What happened, and what there is now."""
        pages = sum(log.pages_read for feed in self._feeds.values() for log in feed.logs.values())
        return replace(
            self.counts, feeds=len(self), ring_bytes=self._ring_bytes, pages_read=self.counts.pages_read + pages
        )

    async def open(self, session_id: SessionId, participant_id: ParticipantId) -> SeatFeed:
        """Follow both logs of a seat: from the return on, no news are missed for longer than ten seconds.

        Bound first, then read: what is appended in between comes as a hint. Raises Unavailable.
        """
        feed = await self._follow(session_id)
        try:
            session, seat = await self._log(feed, session_id), await self._log(feed, participant_id)
        except BaseException:
            self._close(feed)
            raise
        seat.readers += 1
        return SeatFeed(session, seat, partial(self._left, feed, seat))

    def _left(self, feed: Feed, seat: FollowedLog) -> None:
        """Its log is followed for a little while yet: who polls asks again, and its end need not be read again."""
        seat.readers -= 1
        loop = asyncio.get_running_loop()
        seat.left_at = loop.time()
        if not seat.readers and not seat.is_dropping:
            seat.is_dropping = True
            loop.call_later(self._timing.idle, self._drop_seat, feed, seat)
        self._close(feed)

    def _drop_seat(self, feed: Feed, seat: FollowedLog) -> None:
        """Unless somebody reads it, or has read it a moment ago: one timer for however many polls."""
        loop = asyncio.get_running_loop()
        seat.is_dropping = False
        if seat.readers or seat.left:
            return
        left = seat.left_at + self._timing.idle - loop.time()
        if left > 0:
            seat.is_dropping = True
            loop.call_later(left, self._drop_seat, feed, seat)
        elif feed.logs.get(seat.key.key) is seat:
            del feed.logs[seat.key.key]
            self._forget(seat)

    async def _follow(self, session_id: SessionId) -> Feed:
        feed = self._feeds.setdefault(session_id, Feed(session_id))
        feed.users += 1
        if feed.dropping is not None:
            feed.dropping.cancel()
            feed.dropping = None
        try:
            await self._link.bind(session_id)
        except BaseException:
            self._close(feed)
            raise
        return feed

    def _close(self, feed: Feed) -> None:
        """One user less; without any it is followed for a little while yet."""
        feed.users -= 1
        if feed.users == 0 and feed.dropping is None:
            loop = asyncio.get_running_loop()
            feed.dropping = loop.call_later(self._timing.idle, self._drop, feed)

    def _drop(self, feed: Feed) -> None:
        if feed.users == 0 and self._feeds.get(feed.session_id) is feed:
            del self._feeds[feed.session_id]
            for log in feed.logs.values():
                self._forget(log)
            self._link.unbind(feed.session_id)

    async def _log(self, feed: Feed, key: str) -> FollowedLog:
        """The session's log (its id) or a seat's (the participant's), followed from its present end."""
        which = LogKey(key, feed.session_id)
        while True:
            log = feed.logs.get(key)
            if log is None:
                log = feed.logs[key] = self._warm[which] = FollowedLog(which, self.reader, next(self._turns))
            async with log.opening:
                if log.left:  # whoever was before us has failed, or has gone again
                    continue
                if not log.begun:
                    try:
                        await self._begin(log)
                    except BaseException:
                        del feed.logs[key]  # nobody has it yet, and nobody would ever drop it
                        self._forget(log)
                        raise
                return log

    async def _begin(self, log: FollowedLog) -> None:
        head = (await self._heads(log.key)).position
        log.checked_at = asyncio.get_running_loop().time()
        log.begin(head)
        self._grew(log)
        if log.has_gap:
            self._catch_up.gap_seen(log)

    def _forget(self, log: FollowedLog) -> None:
        self._warm.pop(log.key, None)
        log.left = True
        self.counts.pages_read += log.pages_read
        self._clear(log)

    def _clear(self, log: FollowedLog) -> None:
        log.ring.clear()
        self._count(log)

    def _count(self, log: FollowedLog) -> None:
        """By what was counted of it before: however its ring has changed since, the sum stays true."""
        self._ring_bytes += log.ring.size - log.counted_bytes
        log.counted_bytes = log.ring.size

    def _on_hint(self, hint: bytes) -> None:
        self.counts.hints += 1
        try:
            found: Mapping[str, Any] = bson.decode(hint, _AWARE)
            feed = self._feeds.get(SessionId(found["s"]))
            record = read_record(found) if "_id" in found else None
            entries, until = ((), None) if record else (read_entries(found), found["u"])
        except (bson.errors.InvalidBSON, KeyError, TypeError, ValueError):
            self.counts.unreadable += 1
            return
        if feed is not None and record is not None:
            log = feed.logs.get(key_of(str(found["_id"])))
            if log is not None:
                self._on_record(log, record, found.get("at"))
        elif feed is not None and isinstance(until, datetime):
            self._on_volatile(feed, entries, until)

    def _on_record(self, log: FollowedLog, record: Record, at: Any) -> None:
        if isinstance(at, datetime):
            self._appended(log.key, Head(record.last, record.version, record.size), at)
        log.apply(record)
        self._grew(log)
        if log.has_gap and log.begun:
            self._catch_up.gap_seen(log)

    def _on_volatile(self, feed: Feed, entries: Sequence[Entry], until: datetime) -> None:
        """What has no position goes to whoever reads the session now."""
        session = feed.logs.get(feed.session_id)
        if session is not None:
            for entry in entries:
                session.on_volatile(entry, until)

    def _grew(self, log: FollowedLog) -> None:
        if log.left:
            log.ring.clear()  # while it was read: nobody counts it
            return
        self._count(log)
        self._warm.move_to_end(log.key)
        while self._ring_bytes > self._timing.ring_bytes and len(self._warm) > 1:
            coldest = next(iter(self._warm.values()))
            self._clear(coldest)
            self._warm.move_to_end(coldest.key)

    def _logs(self) -> list[FollowedLog]:
        return [log for feed in self._feeds.values() for log in feed.logs.values() if log.begun]

    def _missed(self, log: FollowedLog) -> None:
        self._link.rebind(log.key.session_id)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            tasks.create_task(self._catch_up.run())
