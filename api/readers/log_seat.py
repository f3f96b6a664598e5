"""Log seat: what this pod knows of a seat whose messages are in logs; its readers here, its tag, its client's place."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from api.readers.portions import Ending
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.mailboxes import poll_replaced
from callplane.store.attachments import Tag
from callplane.store.log.place import Place

READERS_AT_ONCE = 4
"""Of one seat on one pod, so that a client which opens and never closes costs no more."""


Why = Callable[[], Exception]
"""Makes what is raised: a new one for each who hears it."""


class SeatReader(Protocol):
    """A poll or a stream of the seat."""

    @property
    def lag(self) -> int:
        """How many entries of its logs it has yet to be given, those for others with them."""
        ...

    def end(self, why: Why) -> None:
        """Whoever waits, and whoever asks from now on, hears this."""
        ...


class LogSeat:
    """One seat. Changed from the event loop only, in one step."""

    def __init__(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        self.session_id = session_id
        self.participant_id = participant_id
        self.readers: dict[SeatReader, None] = {}
        """Those that are here, the oldest first."""
        self.tag: Tag | None = None
        """By which it is known to be attached; None: not known to be."""
        self.writing: Tag | None = None
        """The tag that is being added or taken out: one write at a time."""
        self.attached: asyncio.Future[Why | None] | None = None
        """Resolved when it is, or with why it is not; None while nobody waits for that."""
        self.coming = 0
        """How many readers are about to be here."""
        self.left_at = asyncio.get_running_loop().time()
        """Since when, in loop time, no reader is here."""
        self.door_closed = False
        """Whether the last one went with its connection, and not to ask again."""
        self.wants_place = False
        """Whether somebody is about to read from where its client was last, which stands in the attachment."""
        self.place = Place()
        """The last place that its client has acknowledged here."""
        self.saved = Place()
        """The same, as it was written down last."""
        self.hidden: tuple[int, int] | None = None
        """Two places between which nothing is for this seat: a poll that says the first begins at the second."""
        self.ending: Ending | None = None
        """The entry behind which nothing is given any more, once somebody here has come to it."""

    @property
    def is_empty(self) -> bool:
        """Whether no reader is here or about to be."""
        return not self.readers and not self.coming

    def enter(self, reader: SeatReader) -> None:
        """One more; the oldest of too many ends."""
        self.readers[reader] = None
        if len(self.readers) > READERS_AT_ONCE:
            oldest = next(iter(self.readers))
            del self.readers[oldest]
            oldest.end(poll_replaced)

    def leave(self, reader: SeatReader, *, closed: bool) -> None:
        """One less; ``closed``: its client has left, and is not about to ask again."""
        if reader in self.readers:
            del self.readers[reader]
            self.left_at = asyncio.get_running_loop().time()
            self.door_closed = closed

    def is_away(self, after: float) -> bool:
        """Whether nobody reads it here any more: its door was closed, or nobody has come for so many seconds."""
        if not self.is_empty:
            return False
        return self.door_closed or asyncio.get_running_loop().time() - self.left_at >= after

    def acknowledge(self, place: Place, known: Place) -> None:
        """Its client has come so far, or to the end of what is known where it names a place that is not there yet."""
        session, seat = min(place.session, known.session), min(place.seat, known.seat)
        self.place = Place(max(self.place.session, session), max(self.place.seat, seat))

    def stored(self, token: str | None) -> None:
        """Its place as it stands in its attachment."""
        self.wants_place = False
        self.saved = Place.parse(token) or Place()
        self.acknowledge(self.saved, self.saved)

    def unsaved(self) -> Place | None:
        """Its place, where it is another than was written down."""
        return None if self.place == self.saved else self.place

    def fail(self, why: Why) -> None:
        """Every reader that is here ends."""
        for reader in list(self.readers):
            reader.end(why)
