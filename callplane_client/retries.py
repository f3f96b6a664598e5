"""Retries: what is asked again, when, and for how long."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from callplane_client.errors import CallplaneError

REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods that have the same effect once and twice (RFC 9110, 9.2.2); all others are given an Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is; every request may be repeated, for each that makes something carries its key."""

    patience: float = 30.0
    """Seconds within which a request is repeated while the trouble is one that passes; 0: never."""
    attempt: float = 15.0
    """Seconds for one try."""
    base: float = 0.2
    cap: float = 5.0
    """Seconds: the pause doubles from ``base`` up to ``cap``, and is drawn below it, so that many are not in step."""
    rand: Callable[[], float] = random.random

    def pause(self, trouble: CallplaneError, attempt: int) -> float:
        """Seconds to wait behind try number ``attempt`` (from 0): what the server asked for, and some of our own."""
        ceiling = float(min(self.cap, self.base * 2 ** min(attempt, 16)))
        return (trouble.retry_after or 0.0) + ceiling / 4 + self.rand() * ceiling * 0.75

    def again(self, trouble: CallplaneError, attempt: int, left: float) -> float | None:
        """The pause before another try; None when there is to be none. ``left``: seconds of patience."""
        if not trouble.retryable:
            return None
        wait = self.pause(trouble, attempt)
        return wait if wait <= left else None


def new_key() -> str:
    """128 random bits: an idempotency key."""
    return secrets.token_hex(16)
