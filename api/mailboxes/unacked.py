"""Unacknowledged window: what the broker gave of a mailbox and its client has not acknowledged, in order."""

import json
from collections import deque
from dataclasses import dataclass
from itertools import islice

from callplane.bus.mailbox_ports import Publication

WINDOW = 500
WINDOW_BYTES = 256 * 1024
"""What one mailbox may hold of a pod, whoever fills it and however long its client says nothing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll is answered with."""

    received: tuple[Publication, ...] = ()

    @property
    def ack(self) -> str | None:
        """The token that acknowledges all of it; None for an empty one, the heartbeat."""
        return self.received[-1].token if self.received else None

    def json(self) -> bytes:
        """The answer's body; messages stay the bytes that their publisher made."""
        messages = b",".join(one.body for one in self.received)
        return b'{"messages":[' + messages + b'],"ack":' + json.dumps(self.ack).encode() + b"}"


class UnackedWindow:
    """A queue that forgets from the front, as far as the client says."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Publication, float]] = deque()
        """Each with the loop time at which it came."""
        self._not_yet_here: str | None = None
        """The last token that was acknowledged and not known: a former holder gave it, and it may come again."""
        self.size = 0
        """Bytes of all bodies."""

    @property
    def is_full(self) -> bool:
        """Whether no more should come."""
        return len(self._entries) >= WINDOW or self.size >= WINDOW_BYTES

    @property
    def has_room(self) -> bool:
        """Whether so much is free that it is worth asking for more."""
        return len(self._entries) <= WINDOW // 2 and self.size <= WINDOW_BYTES // 2

    @property
    def ends_with_gap(self) -> bool:
        """Whether the last is no publication: it says that some may be missing."""
        return bool(self._entries) and self._entries[-1][0].tag is None

    @property
    def has_gap(self) -> bool:
        """Whether it holds one that nobody else could give: who reads next would not be told that some are missing."""
        return any(one.tag is None for one, _ in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, received: Publication, at: float) -> list[Publication]:
        """The next publication, and when it came; returns what is acknowledged by its coming."""
        self._entries.append((received, at))
        self.size += len(received.body)
        return self.acknowledge(received.token) if received.token == self._not_yet_here else []

    def acknowledge(self, token: str) -> list[Publication]:
        """Take out everything up to the *first* publication with this token; nothing when there is none.

        The first, not the last: what stands behind it may not have been given yet. A token that is not there may
        be one that a former holder gave: when it comes, the client has had everything up to it.
        """
        place = next((n for n, (one, _) in enumerate(self._entries) if one.token == token), None)
        self._not_yet_here = token if place is None else None
        if place is None:
            return []
        read = [self._entries.popleft()[0] for _ in range(place + 1)]
        self.size -= sum(len(one.body) for one in read)
        return read

    def all(self) -> list[Publication]:
        """Everything that is not acknowledged."""
        return [one for one, _ in self._entries]

    def head(self, most: int, after: str | None = None) -> tuple[Publication, ...]:
        """The oldest, at most so many; they stay. ``after``: of those behind the one with this token, if it is here.

        If it is not, either it was acknowledged, or this holder is new and gives again what the last one had given.
        """
        start = 0 if after is None else self._behind(after)
        return tuple(one for one, _ in islice(self._entries, start, start + most))

    def _behind(self, token: str) -> int:
        return next((n + 1 for n, (one, _) in enumerate(self._entries) if one.token == token), 0)

    def oldest(self) -> float | None:
        """When the front one came."""
        return self._entries[0][1] if self._entries else None
