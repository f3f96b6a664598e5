"""Tail of a log as one process sees it: the head that it believes in, the record on its way, and what waits for it."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.refusals.requests import key_reused
from callplane.store.log.keys import FoundKey
from callplane.store.log.reader import Head
from callplane.store.log.records import Entry, LogKey, Record, fitting

WAITING_AT_MOST = 1000
"""Entries that may wait for one log."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry on its way, and everybody who wants to know its position."""

    entry: Entry
    position: asyncio.Future[int | None]

    @property
    def version(self) -> int:
        """The event's; 0 of what is no event."""
        return self.entry.version or 0


@dataclass(slots=True)
class Tail:
    """One log; whoever has it ``busy`` is alone with it."""

    key: LogKey
    head: Head | None = None
    """Where the log ends, as far as is known; None: to be read."""
    learnt: float = 0.0
    """When the head was asked for (monotonic)."""
    record: Record | None = None
    """On its way at its position; nothing else is appended before its outcome is known."""
    sent_at: datetime = datetime.min
    """When, in database time, that was sent last."""
    refusals: int = 0
    """How often in a row another record was at the position of ours."""
    busy: bool = False
    """Whether somebody appends to it, or it is in line for that."""
    _sent: tuple[Waiting, ...] = ()
    """Who waits for the record."""
    _waiting: deque[Waiting] = field(default_factory=deque)
    """Who waits for the next one, in the order in which they came."""
    _known: dict[str, Waiting] = field(default_factory=dict)
    """Both, by the entry's id."""
    _keys: dict[str, bytes] = field(default_factory=dict)
    """What of both enters a key: the hashes of the requests."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._known

    def add(self, entries: Sequence[Entry]) -> list[asyncio.Future[int | None]]:
        """Their positions, some day; an id that is on its way is joined.

        Raises Unavailable when too many wait, and Refusal ``key-reused`` where another request is on its way.
        """
        if any(self._is_anothers(one) for one in entries):
            raise key_reused()
        new = [one for one in entries if one.id not in self._known]
        if len(self._known) + len(new) > WAITING_AT_MOST:
            raise Unavailable("too much waits for this log")
        for one in new:
            self._known[one.id] = waiting = Waiting(one, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            if one.keyed is not None and one.keyed.enters:
                self._keys[one.keyed.id] = one.keyed.body_hash
        return [self._known[one.id].position for one in entries]

    def _is_anothers(self, entry: Entry) -> bool:
        """Whether another request is on its way under its key."""
        if entry.keyed is None:
            return False
        joined = self._known.get(entry.id)
        hashes = {entry.keyed.body_hash, self._keys.get(entry.keyed.id, entry.keyed.body_hash)}
        if joined is not None and joined.entry.keyed is not None:
            hashes.add(joined.entry.keyed.body_hash)
        return len(hashes) > 1

    def events(self) -> frozenset[str]:
        """The ids of the events that wait for the next record."""
        return frozenset(one.entry.id for one in self._waiting if one.version)

    def behind_gap(self, version: int) -> frozenset[str]:
        """Those of them that do not follow on this version of the log, nor on each other."""
        behind = []
        for one in sorted((one for one in self._waiting if one.version), key=lambda one: one.version):
            version = max(version, one.version) if one.version <= version + 1 else version
            behind += [one.entry.id] if one.version > version else []
        return frozenset(behind)

    def next_record(self, head: Head) -> None:
        """Make the record that goes behind this head of what waits."""
        self._judge_events(head.version)
        taken = tuple(islice(self._waiting, fitting([one.entry for one in self._waiting])))
        if not taken:
            return
        for _ in taken:
            self._waiting.popleft()
        version = max(head.version, *(one.version for one in taken))
        size = head.size + sum(len(one.entry.body) for one in taken)
        self.record = Record(head.position + 1, tuple(one.entry for one in taken), version, size)
        self._sent = taken

    def appended(self) -> None:
        """The record is at its position."""
        if self.record is not None:
            at = enumerate(self.record.entries, self.record.first)
            self.head = Head(self.record.last, self.record.version, self.record.size)
            self.refusals = 0
            self.found({entry.id: position for position, entry in at})

    def found(self, positions: Mapping[str, int]) -> None:
        """These entries of the record are at these positions; the others wait for the next one, before all else."""
        rest = []
        for one in self._sent:
            if (at := positions.get(one.entry.id)) is None:
                rest.append(one)
            else:
                self._done(one, at)
        self._waiting.extendleft(reversed(rest))
        self.record, self._sent = None, ()

    def keyed(self) -> list[Entry]:
        """What has keys, of the record and of what waits for the next one."""
        return [one.entry for one in (*self._sent, *self._waiting) if one.entry.keyed is not None]

    def is_there(self, keys: Mapping[str, FoundKey]) -> None:
        """Nothing is written of the record: under these keys something was sent before, and is not sent again.

        What of it is missing is sent without the key; what is of another request is refused.
        """
        rest = deque[Waiting]()
        for one in (*self._sent, *self._waiting):
            keyed, key = one.entry.keyed, None
            if keyed is not None:
                key = keys.get(keyed.id)
            if keyed is None or key is None:
                rest.append(one)
            elif key.body_hash is not None and key.body_hash != keyed.body_hash:
                self._refused(one)
            elif key.first is None or one.entry.id in key.positions:
                self._done(one, key.positions.get(one.entry.id))
            else:
                self._keys.pop(keyed.id, None)
                entry = replace(one.entry, keyed=replace(keyed, enters=False))
                self._known[entry.id] = without = replace(one, entry=entry)
                rest.append(without)
        self._waiting = rest
        self.record, self._sent = None, ()

    def _refused(self, waiting: Waiting) -> None:
        self._forget(waiting.entry)
        if not waiting.position.done():
            waiting.position.set_exception(key_reused())
            waiting.position.exception()  # nobody may be left to read it

    def _forget(self, entry: Entry) -> None:
        self._known.pop(entry.id, None)
        if entry.keyed is not None and entry.keyed.enters:
            self._keys.pop(entry.keyed.id, None)

    def _judge_events(self, version: int) -> None:
        """Events go in by version, each once: those that the log has are done, those behind a gap are given back."""
        fit = deque[Waiting]()
        for one in sorted((one for one in self._waiting if one.version), key=lambda one: one.version):
            if one.version <= version:
                self._done(one, None)
            elif one.version == version + 1:
                version += 1
                fit.append(one)
            else:
                self._known.pop(one.entry.id, None)
                if not one.position.done():
                    one.position.set_exception(Trouble("events of this session before it are in no log"))
                    one.position.exception()  # nobody may be left to read it
        kept = [one for one in self._waiting if one.entry.id in self._known]
        self._waiting = deque(fit.popleft() if one.version else one for one in kept)

    def _done(self, waiting: Waiting, position: int | None) -> None:
        self._forget(waiting.entry)
        if not waiting.position.done():
            waiting.position.set_result(position)
