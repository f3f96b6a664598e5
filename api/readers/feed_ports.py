"""Feed ports: what readers ask of the logs that their pod follows; ends, latest entries, pages, and news."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.reader import Page
from callplane.store.log.records import Entry

Entries = Sequence[tuple[int, Entry]]
"""Entries with their positions, in order."""

OnNews = Callable[[], None]
"""Told, from the event loop and without waiting, that the head has risen."""


OnVolatile = Callable[[Entry, datetime], None]
"""Given an entry without a position, and the database time after which nobody wants it."""


class FeedLog(Protocol):
    """One log, a session's or a seat's, as this pod knows it."""

    @property
    def head(self) -> int:
        """The last position that is known here; it only rises."""
        ...

    on_volatile: OnVolatile
    """Is given what has no position and is never kept."""

    def recent(self, place: int, limit: int) -> Page | None:
        """Up to so many entries behind a place, from memory; None when the first of them is not there."""
        ...

    async def page(self, place: int, limit: int) -> Page:
        """The same from the database. Raises Unavailable."""
        ...

    def watch(self, on_news: OnNews) -> None:
        """Tell of news from now on."""
        ...

    def unwatch(self, on_news: OnNews) -> None:
        """Tell no more of them."""
        ...


class SeatFeed(Protocol):
    """The two logs of a seat, for one reader, until it is closed."""

    @property
    def session(self) -> FeedLog:
        """The session's: the same object for all readers of the session."""
        ...

    @property
    def seat(self) -> FeedLog:
        """The seat's own."""
        ...

    def close(self) -> None:
        """This reader is gone."""
        ...


class Feeds(Protocol):
    """The sessions that this pod follows."""

    async def open(self, session_id: SessionId, participant_id: ParticipantId) -> SeatFeed:
        """Follow both logs of a seat, for one reader more. Raises Unavailable."""
        ...
