"""What a mailbox has been given by the broker and its client has not acknowledged, in order."""

import json
from collections import deque
from dataclasses import dataclass
from itertools import islice

from callplane.bus.mailboxes import Received


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll is answered with."""

    received: tuple[Received, ...] = ()

    @property
    def ack(self) -> str | None:
        """The token that acknowledges all of it; None for an empty one, the heartbeat."""
        return self.received[-1].token if self.received else None

    def json(self) -> bytes:
        """The answer's body; messages stay the bytes that their publisher made."""
        messages = b",".join(one.body for one in self.received)
        return b'{"messages":[' + messages + b'],"ack":' + json.dumps(self.ack).encode() + b"}"


class Window:
    """A queue that forgets from the front, as far as the client says."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Received, float]] = deque()
        self._not_yet_here: str | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, received: Received, at: float) -> list[Received]:
        """The next publication, and when it came; returns what is acknowledged by its coming."""
        self._entries.append((received, at))
        return self.acknowledge(received.token) if received.token == self._not_yet_here else []

    def acknowledge(self, token: str) -> list[Received]:
        """Take out everything up to the *first* publication with this token; nothing when there is none.

        The first, not the last: what stands behind it may not have been given yet. A token that is not there may
        be one that a former holder gave: when it comes, the client has had everything up to it.
        """
        place = next((n for n, (one, _) in enumerate(self._entries) if one.token == token), None)
        self._not_yet_here = token if place is None else None
        if place is None:
            return []
        return [self._entries.popleft()[0] for _ in range(place + 1)]

    def head(self, most: int, after: str | None = None) -> tuple[Received, ...]:
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
