"""The parts of the server that nobody but itself would miss."""

import asyncio
from typing import cast

from mediaserver.server import _collect
from mediaserver.sessions import Sessions


class Broken:
    """Sessions of which one cannot be ended, nor marked."""

    def __init__(self) -> None:
        self.rounds = 0
        self.twice = asyncio.Event()

    def keep_alive(self) -> None:
        """Fail."""
        raise ZeroDivisionError

    def collect(self) -> None:
        """Fail, and count."""
        self.rounds += 1
        if self.rounds == 2:
            self.twice.set()
        raise ZeroDivisionError


async def test_a_round_of_the_collector_that_fails_is_followed_by_the_next() -> None:
    sessions = Broken()
    collecting = asyncio.ensure_future(_collect(cast(Sessions, sessions), 0.01))
    async with asyncio.timeout(5):
        await sessions.twice.wait()
    assert not collecting.done()
    collecting.cancel()
