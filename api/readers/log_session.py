"""Log session: the readers of one session on this pod that wait at its head, each told of what is new in its turn."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from api.readers.feed_ports import FeedLog
from api.readers.portions import Portion, portion_of
from api.readers.ports import Shared
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.records import Entry

READERS_A_TURN = 500
"""Told in one turn of the event loop; the others in the next, so that everybody else has a turn as well."""

ENTRIES_AT_ONCE = 256
"""Given at once: who lags behind by more reads page after page."""


class WaitingReader(Protocol):
    """Somebody who has been given all there was."""

    @property
    def participant_id(self) -> ParticipantId:
        """Whose messages it reads."""
        ...

    @property
    def place(self) -> int:
        """How far it has been given the session's log."""
        ...

    def news(self) -> None:
        """The head has moved, or may have; never waits and never raises."""
        ...

    def pass_on(self, shared: Shared) -> None:
        """Something that is never kept; as ``news``."""
        ...


class LogSession:
    """One session that this pod follows, for as long as somebody reads it here."""

    def __init__(
        self, session_id: SessionId, log: FeedLog, now: Callable[[], datetime], on_left: "Callable[[LogSession], None]"
    ) -> None:
        self.session_id = session_id
        self.log = log
        self.users = 0
        """How many readers are here, waiting or not."""
        self._waiting: dict[WaitingReader, None] = {}
        """Those at the head."""
        self._turn: deque[WaitingReader] = deque()
        """Those that have yet to be told."""
        self._begun = False
        """Whether they are being told, some a turn of the loop."""
        self._again = False
        """Whether the head has moved since that began."""
        self._portions: dict[int, Portion | None] = {}
        """By place: what follows it up to the head, made once for all who are there."""
        self._now = now
        """The database's time."""
        self._on_left = on_left
        """Told when nobody reads it here any more."""
        log.watch(self._moved)
        log.on_volatile = self._pass_on

    def left(self) -> None:
        """One reader less."""
        self.users -= 1
        if not self.users:
            self.log.unwatch(self._moved)
            self.log.on_volatile = _unwanted
            self._on_left(self)

    def wait(self, reader: WaitingReader) -> None:
        """Tell this one of news."""
        self._waiting[reader] = None

    def wait_no_more(self, reader: WaitingReader) -> None:
        """And no more."""
        self._waiting.pop(reader, None)

    def portion(self, place: int) -> Portion | None:
        """What follows a place; None: it is not in memory, or more than is given at once."""
        if place not in self._portions:
            recent = self.log.recent(place, ENTRIES_AT_ONCE + 1)
            fits = recent is not None and 0 < len(recent.entries) <= ENTRIES_AT_ONCE
            self._portions[place] = portion_of(recent.entries) if recent is not None and fits else None
        return self._portions[place]

    def _pass_on(self, entry: Entry, until: datetime) -> None:
        """What is never kept goes to those who are at the head now, unless its time is over."""
        if self._now() > until:
            return
        at_place: dict[int, Shared] = {}
        for reader in tuple(self._waiting):
            if entry.to in (None, reader.participant_id):
                shared = at_place.setdefault(reader.place, Shared((entry.body,), (str(reader.place),)))
                reader.pass_on(shared)

    def _moved(self) -> None:
        """What comes in one turn of the loop is given at once, whatever number of hints it came in."""
        self._again = True
        if self._waiting and not self._begun:
            self._begun = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        if not self._turn and self._again:
            self._again = False
            self._portions.clear()  # they end at an older head
            self._turn.extend(self._waiting)
        for _ in range(min(READERS_A_TURN, len(self._turn))):
            reader = self._turn.popleft()
            if reader in self._waiting:
                reader.news()
        if self._turn or (self._again and self._waiting):
            asyncio.get_running_loop().call_soon(self._tell)
        else:
            self._begun = False
            self._portions.clear()


def _unwanted(_entry: Entry, _until: datetime) -> None:
    """Nobody reads here."""
