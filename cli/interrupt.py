"""Ctrl-C and SIGTERM: the first asks for a clean stop, the second forces one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

FORCED = 130
"""The status of a forced stop: 128 + SIGINT, as shells count."""


class Interrupted(Exception):
    """Somebody asked us to stop."""


class Interrupt:
    """Whether we were asked to stop."""

    def __init__(self, force: Callable[[], None]) -> None:
        self._asked = asyncio.Event()
        self._force = force

    async def raised(self) -> None:
        """Wait until we are asked to stop, then raise Interrupted."""
        await self._asked.wait()
        raise Interrupted

    def __call__(self) -> None:
        """A signal has come."""
        if self._asked.is_set():
            self._force()
            os._exit(FORCED)
        self._asked.set()


@contextlib.contextmanager
def interrupts(force: Callable[[], None]) -> Iterator[Interrupt]:
    """Catch both signals for the block; ``force`` is called at the second one, just before the process ends."""
    loop, interrupt = asyncio.get_running_loop(), Interrupt(force)
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupt)
    try:
        yield interrupt
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
