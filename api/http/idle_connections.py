"""Idle connections: wait for a request and make room, the longest idle first, so that silence never fills a pod."""

from collections.abc import Callable
from itertools import islice
from typing import Protocol


class Idle(Protocol):
    """A connection that can be dropped."""

    def drop(self) -> None:
        """Close it at once."""
        ...


RESERVE = 64
"""So many more are let in: among them are the probes', and whose head comes last is told that there is no room."""


class IdleConnections:
    """Those of one listener on which no request is under way, in the order in which they fell silent."""

    def __init__(self, most: int, sheds: Callable[[], bool] = lambda: False) -> None:
        self.most = most
        self.sheds = sheds
        """Whether one more that is new is refused, however many there are."""
        self._waiting: dict[Idle, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Idle) -> None:
        """It waits for a request from now on."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def remove(self, connection: Idle) -> None:
        """It has a request, or is gone."""
        self._waiting.pop(connection, None)

    def make_room(self, connections: int) -> None:
        """Drop the longest idle where there are more connections than may be."""
        # As many as there are too many, which is mostly none: thousands may wait, and each that comes asks.
        for connection in list(islice(self._waiting, max(0, connections - self.most - RESERVE))):
            self.remove(connection)
            connection.drop()

    def is_full(self, connections: int) -> bool:
        """Whether more of so many have a request under way than may be."""
        return connections - len(self._waiting) > self.most
