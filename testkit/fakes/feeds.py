"""Feeds of logs that a test fills by hand, with as much of them in memory as it says."""

import json
from collections.abc import Callable
from datetime import datetime

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.reader import Page
from callplane.store.log.records import Entry


def entry(name: str, to: str | None = None, type_: str = "signal", **data: object) -> Entry:
    """An entry that is known by its id, as a message that holds this."""
    body = {"id": name, "type": type_, "session_id": "s", "at": "2026-01-05T09:00:00Z", "data": data}
    return Entry(name, type_, json.dumps(body).encode(), to=to)


class FakeLog:
    """The FeedLog port; ``first`` is the oldest that is kept, ``oldest`` the oldest that is in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.first = 1
        self.oldest = 1
        self.pages = 0
        self.on_volatile: Callable[[Entry, datetime], None] = lambda *_: None
        self.watchers: set[Callable[[], None]] = set()

    @property
    def head(self) -> int:
        """The last position."""
        return len(self.entries)

    def put(self, *entries: Entry) -> None:
        """Append and tell, as one hint."""
        self.entries += entries
        for on_news in list(self.watchers):
            on_news()

    def watch(self, on_news: Callable[[], None]) -> None:
        """Tell of news."""
        self.watchers.add(on_news)

    def unwatch(self, on_news: Callable[[], None]) -> None:
        """And no more."""
        self.watchers.discard(on_news)

    def _behind(self, place: int) -> list[tuple[int, Entry]]:
        return list(enumerate(self.entries, 1))[max(place, self.first - 1) :]

    def recent(self, place: int, limit: int) -> Page | None:
        """From memory."""
        return Page(tuple(self._behind(place)[:limit]), gone=False) if place + 1 >= self.oldest else None

    async def page(self, place: int, limit: int) -> Page:
        """From the database."""
        self.pages += 1
        return Page(tuple(self._behind(place)[:limit]), place + 1 < self.first)


class FakeSession:
    """The logs of one session, and how many follow them."""

    def __init__(self) -> None:
        self.logs: dict[str, FakeLog] = {}
        self.users = 0

    def log(self, key: str) -> FakeLog:
        """One of them."""
        return self.logs.setdefault(key, FakeLog())


class FakeSeatFeed:
    """The SeatFeed port."""

    def __init__(self, of: FakeSession, session: FakeLog, seat: FakeLog) -> None:
        self._of = of
        self.session = session
        self.seat = seat
        of.users += 1

    def close(self) -> None:
        """One user less."""
        self._of.users -= 1


class FakeFeeds:
    """The Feeds port."""

    def __init__(self) -> None:
        self.sessions: dict[str, FakeSession] = {}

    def of(self, session_id: str) -> FakeSession:
        """The logs of a session, followed or not."""
        return self.sessions.setdefault(session_id, FakeSession())

    async def open(self, session_id: SessionId, participant_id: ParticipantId) -> FakeSeatFeed:
        """One user more."""
        session = self.of(session_id)
        return FakeSeatFeed(session, session.log(session_id), session.log(participant_id))
