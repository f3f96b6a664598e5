"""Ways of a client to its mailbox: what every door has, and what all of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.messages.asking import Pod
from bench.messages.book import Book

OPEN_WITHIN = 15.0
AGAIN, REFUSED = 0.0, 0.5
"""Seconds until it is opened again: after an end, after a refusal."""


@dataclass
class Ways:
    """The pods, the book, and who opens those doors that want to be opened."""

    pods: list[Pod]
    book: Book
    open_again: Callable[["Door", float], None]


class Door(Protocol):
    """One client."""

    is_open: bool
    wanted: bool
    """Whether it opens again when it ends."""

    async def open(self) -> None:
        """Connect and be let in, or come back refused. Raises OSError and TimeoutError."""
        ...

    def acknowledge(self) -> None:
        """Say how far it has come, where that is said apart."""
        ...

    def drop(self) -> bool:
        """End the connection at once, without a farewell; whether that leads to another opening by itself."""
        ...

    def stop_reading(self) -> None:
        """Leave what comes in the socket, for good."""
        ...
