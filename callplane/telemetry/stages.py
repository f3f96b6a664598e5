"""Stages: the store, the broker and the media server each add what they took of a command's time."""

from contextvars import ContextVar
from time import perf_counter

_SUMS: ContextVar[dict[str, float] | None] = ContextVar("callplane_stages", default=None)

# Classes, for a generator as a context manager costs three times as much (measured), and each command has many.


class stages:
    """Collect seconds by stage for the block; what runs side by side in it counts twice."""

    __slots__ = ("_before", "_sums")

    def __enter__(self) -> dict[str, float]:
        """What is collected."""
        self._sums: dict[str, float] = {}
        self._before = _SUMS.set(self._sums)
        return self._sums

    def __exit__(self, *_raised: object) -> None:
        """Collect no more."""
        _SUMS.reset(self._before)


class stage:
    """Add the time of this block to its stage, if anybody collects."""

    __slots__ = ("_began", "_name", "_sums")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin."""
        self._sums = _SUMS.get()
        self._began = perf_counter() if self._sums is not None else 0.0

    def __exit__(self, *_raised: object) -> None:
        """Add it."""
        if self._sums is not None:
            self._sums[self._name] = self._sums.get(self._name, 0.0) + perf_counter() - self._began
