"""Shares: which of the wrappers that act does what, by rendezvous hash, so that all know it and nobody says it."""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T", bound=str)


def shares(subjects: Iterable[T], wrappers: Collection[str]) -> dict[str, list[T]]:
    """Wrapper → what it has to do: of each subject, the wrapper whose hash with it is highest.

    Where one is missing its part falls to all others, and nothing else changes hands.
    """
    found: dict[str, list[T]] = {wrapper: [] for wrapper in wrappers}
    for subject in subjects:
        found[max(wrappers, key=lambda wrapper: _weight(wrapper, subject))].append(subject)
    return found


def _weight(wrapper: str, subject: str) -> bytes:
    return blake2b(f"{wrapper} {subject}".encode(), digest_size=8).digest()
