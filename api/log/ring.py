"""Ring: the last entries of a log in a pod's memory, bounded by bytes."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from callplane.store.log.records import Entry

BYTES_AT_MOST = 64 * 1024
"""Of bodies, in one ring."""

Placed = tuple[int, Entry]
"""An entry, and its position."""


class Ring:
    """The entries up to a log's head, as far back as there is room."""

    def __init__(self) -> None:
        self._entries: deque[Placed] | None = None
        """Their positions follow each other; None: there are none, as in most seats' logs."""
        self.size = 0
        """Bytes of their bodies."""

    def add(self, entries: Sequence[Placed]) -> None:
        """What follows the last; the oldest go."""
        if self._entries is None:
            self._entries = deque()
        self._entries.extend(entries)
        self.size += sum(len(entry.body) for _, entry in entries)
        while self.size > BYTES_AT_MOST and len(self._entries) > 1:
            self.size -= len(self._entries.popleft()[1].body)

    def clear(self) -> None:
        """Forget everything: what comes next does not follow it, or memory is short."""
        self._entries = None
        self.size = 0

    def behind(self, place: int, head: int, limit: int) -> list[Placed] | None:
        """Up to so many entries behind a place, whose log ends at the head; None where the ring does not reach back."""
        if place >= head:
            return []
        if not self._entries or self._entries[0][0] > place + 1:
            return None
        start = place + 1 - self._entries[0][0]
        return list(islice(self._entries, start, start + limit))
