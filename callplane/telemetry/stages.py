"""Stages: the store, the broker and the media server each add what they took of a command's time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

_SUMS: ContextVar[dict[str, float] | None] = ContextVar("callplane_stages", default=None)


@contextmanager
def stages() -> Iterator[dict[str, float]]:
    """Collect seconds by stage for the block; what runs side by side in it counts twice."""
    sums: dict[str, float] = {}
    before = _SUMS.set(sums)
    try:
        yield sums
    finally:
        _SUMS.reset(before)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time of this block to its stage, if anybody collects."""
    sums = _SUMS.get()
    if sums is None:
        yield
        return
    began = perf_counter()
    try:
        yield
    finally:
        sums[name] = sums.get(name, 0.0) + perf_counter() - began
