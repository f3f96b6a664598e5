"""Book of deliveries: what was sent into each room, what each reader was given of it, and when the last one had it.

A message carries its mark: room, number in that room, and sender. From marks alone the book tells losses, doubles and
a sender's order. One process keeps it for all readers, so that the times are of one clock.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter

_MARK = re.compile(rb'"b:(\d+):(\d+):(\d+):')
_VERSION = re.compile(rb'"version":(\d+),"at"')
_RESYNC = b'"type":"resync-required"'
_GROWTH = 1024


@dataclass
class Room:
    """One session; what was sent has a place by its number."""

    number: int
    session: str = ""
    readers: int = 0
    due: list[float] = field(default_factory=list)
    """When each was to be sent."""
    left: list[int] = field(default_factory=list)
    """How many readers each has still to reach."""
    done: list[float] = field(default_factory=list)
    """When each had reached the last of them; 0 until then."""
    versions: dict[int, list[float]] = field(default_factory=dict)
    """By version: how many readers were given its event, and when the last one was."""

    def mark(self, sender: int, due: float, readers: int | None = None) -> tuple[int, str]:
        """The number of a new message, and the text that it carries; it is owed to so many, or to everybody."""
        number = len(self.due)
        self.due.append(due)
        self.left.append(self.readers if readers is None else readers)
        self.done.append(0.0)
        return number, f"b:{self.number}:{number}:{sender}:"

    def forget(self, number: int) -> None:
        """Nobody is owed it: it was refused."""
        self.left[number] = 0


@dataclass
class Reader:
    """What one client was given."""

    room: Room
    seen: bytearray = field(default_factory=bytearray)
    """A byte by message number."""
    last: dict[int, int] = field(default_factory=dict)
    """By sender: the last number."""
    version: int = 0
    """That of the last state event."""


@dataclass
class Tally:
    """What came of it, over all readers."""

    frames: int = 0
    delivered: int = 0
    doubled: int = 0
    disordered: int = 0
    strays: int = 0
    """Of another room."""
    events: int = 0
    """State events, each reader's counted."""
    version_gaps: int = 0
    resyncs: int = 0
    """Messages that say that something is missing."""
    codes: Counter[str] = field(default_factory=Counter)
    """Statuses and close codes other than those of success."""


Marks = tuple[tuple[tuple[int, int, int], ...], tuple[int, ...], int]
"""Room, number and sender of each message in a piece, the versions of the state events in it, and its resyncs."""


def marks(piece: bytes) -> Marks:
    """What a frame, an answer or some events are about."""
    found = tuple((int(room), int(number), int(sender)) for room, number, sender in _MARK.findall(piece))
    return found, tuple(map(int, _VERSION.findall(piece))), piece.count(_RESYNC)


class Book:
    """Takes in what readers were given."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._piece = b""
        self._marks: Marks = ((), (), 0)
        """Of the piece that came last: readers of one room mostly get the same."""

    @property
    def latest(self) -> tuple[tuple[int, int, int], ...]:
        """Room, number and sender of what the piece that came last was about."""
        return self._marks[0]

    def given(self, reader: Reader, piece: bytes) -> int:
        """Note what a reader was given; how many messages that was, repeats and state events included."""
        if piece != self._piece:
            self._piece, self._marks = piece, marks(piece)
        messages, versions, resyncs = self._marks
        self.tally.frames += 1
        if messages:
            self._messages(reader, messages, perf_counter())
        if versions:
            self._versions(reader, versions, perf_counter())
        self.tally.resyncs += resyncs
        return len(messages) + len(versions) + resyncs

    def _messages(self, reader: Reader, messages: tuple[tuple[int, int, int], ...], now: float) -> None:
        tally, room, seen, last = self.tally, reader.room, reader.seen, reader.last
        for number_of_room, number, sender in messages:
            if number_of_room != room.number:
                tally.strays += 1
                continue
            if number >= len(seen):
                seen.extend(bytes(number - len(seen) + _GROWTH))
            if seen[number]:
                tally.doubled += 1
                continue
            seen[number] = 1
            tally.delivered += 1
            if number < last.get(sender, 0):
                tally.disordered += 1
            last[sender] = number
            room.left[number] -= 1
            if not room.left[number]:
                room.done[number] = now

    def _versions(self, reader: Reader, versions: tuple[int, ...], now: float) -> None:
        for version in versions:
            if version <= reader.version:
                self.tally.doubled += 1
                continue
            if reader.version and version > reader.version + 1:
                self.tally.version_gaps += 1
            reader.version = version
            self.tally.events += 1
            seen = reader.room.versions.setdefault(version, [0, 0.0])
            seen[0] += 1
            seen[1] = now


def quantile(values: list[float], share: float) -> float:
    """The value below which that share lies; 0 of nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0
