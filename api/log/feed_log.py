"""Followed log: where a pod believes that a log ends, what it holds of it, and who is told when the head moves.

A hint that begins at the head is applied, with what was kept behind it; one at or below it is old; a later one is kept
until the gap is read. The head only rises, and nothing is applied that does not begin at it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from api.log.ring import Placed, Ring
from callplane.store.log.reader import LogReader, Page
from callplane.store.log.records import Entry, LogKey, Record

KEPT_AT_MOST = 64
"""Records that may wait for a gap to be read; of more, all are read."""

OnNews = Callable[[], None]
"""Told, from the event loop and without waiting, that the head has risen."""

OnVolatile = Callable[[Entry, datetime], None]
"""Given what has no position, and the database time after which nobody wants it."""


class FollowedLog:
    """One log on one pod."""

    def __init__(self, key: LogKey, reader: LogReader, turn: int = 0) -> None:
        self.key = key
        self.turn = turn
        """In which round it is looked at: its own for life, whatever logs come and go beside it."""
        self._reader = reader
        self.opening = asyncio.Lock()
        """Held by who reads its head."""
        self.begun = False
        """Whether its head was read; what comes before that is kept."""
        self.head = 0
        """The position up to which everything is known, or has to be read by who wants it."""
        self.checked_at = 0.0
        """When, in loop time, it was last compared with the database."""
        self.readers = 0
        """How many are at it, where it is a seat's."""
        self.left_at = 0.0
        """When, in loop time, one of them left last."""
        self.is_dropping = False
        """Whether a timer looks whether anybody still reads it."""
        self.left = False
        """Whether this pod follows it no more."""
        self.ring = Ring()
        self.counted_bytes = 0
        """Bytes of its ring in the sum of all rings."""
        self.pages_read = 0
        """How often readers were behind what the ring holds."""
        self._watchers: dict[OnNews, None] = {}
        """Whoever wants to be told that the head has risen, in the order in which they came."""
        self.on_volatile: OnVolatile = _unwanted
        """Is given what is never kept."""
        self._early: dict[int, Record] = {}
        """Records by their first position, which is behind a gap."""

    def watch(self, on_news: OnNews) -> None:
        """Tell of news from now on."""
        self._watchers[on_news] = None

    def unwatch(self, on_news: OnNews) -> None:
        """Tell no more of them."""
        self._watchers.pop(on_news, None)

    def recent(self, place: int, limit: int) -> Page | None:
        """Up to so many entries behind a place, from memory; None where the first of them is not there."""
        found = self.ring.behind(place, self.head, limit)
        return None if found is None else Page(tuple(found), gone=False)

    async def page(self, place: int, limit: int) -> Page:
        """The same from the database, where ``gone`` says that what came next is not kept. Raises Unavailable."""
        self.pages_read += 1
        return await self._reader.page(self.key, place, limit)

    @property
    def has_gap(self) -> bool:
        """Whether something came that does not begin at the head."""
        return bool(self._early)

    def begin(self, head: int) -> None:
        """Its head was read; what has come meanwhile goes on from there, or is old."""
        self.begun, self.head = True, head
        early, self._early = self._early, {}
        for first in sorted(early):
            self.apply(early[first])

    def apply(self, record: Record) -> None:
        """Take a record that came, however it came."""
        if not self.begun or record.first > self.head + 1:
            if len(self._early) < KEPT_AT_MOST:
                self._early[record.first] = record
            return
        new: list[Placed] = []
        following: Record | None = record
        while following is not None:
            new += [one for one in enumerate(following.entries, following.first) if one[0] > self.head]
            self.head = max(self.head, following.last)
            following = self._early.pop(self.head + 1, None)
        self._early = {first: kept for first, kept in self._early.items() if kept.last > self.head}
        if new:
            self.ring.add(new)
            self._tell()

    def jump(self, head: int) -> None:
        """The log is that far, and what lies between is not kept any more: who reads goes on from what is."""
        if head > self.head:
            self.head = head
            self._early = {first: kept for first, kept in self._early.items() if first > head}
            self.ring.clear()
            following = self._early.pop(head + 1, None)
            if following is None:
                self._tell()
            else:
                self.apply(following)

    def _tell(self) -> None:
        for on_news in tuple(self._watchers):
            on_news()


def _unwanted(_entry: Entry, _until: datetime) -> None:
    """Nobody reads here."""
