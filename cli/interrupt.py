"""Interrupts: the first Ctrl-C or SIGTERM asks for a clean stop; a second, or a stop that takes too long, forces it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

FORCED = 130
"""The status of a forced stop: 128 + SIGINT, as shells count."""

STOP_WITHIN = 20.0
"""Seconds for everything to stop."""

STOP_WITHOUT_ONE_WITHIN = 6.0
"""The same where a server that we had started has died: API and wrapper wait in vain for a database that is gone."""


class Interrupted(Exception):
    """Somebody asked us to stop."""


class Interrupt:
    """Whether we were asked to stop. ``force`` ends what we have started; then the process ends."""

    def __init__(self, force: Callable[[], None]) -> None:
        self._asked = asyncio.Event()
        self._force = force
        self._timer: asyncio.TimerHandle | None = None

    async def raised(self) -> None:
        """Wait until we are asked to stop, then raise Interrupted."""
        await self._asked.wait()
        raise Interrupted

    def stopping(self, within: float = STOP_WITHIN) -> None:
        """From now on there is a limit, in seconds, to how long stopping may take."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(within, self._give_up, within)

    def stopped(self) -> None:
        """It did not take too long."""
        if self._timer is not None:
            self._timer.cancel()

    def __call__(self) -> None:
        """A signal has come."""
        if self._asked.is_set():
            self._end(FORCED)
        self._asked.set()
        self.stopping()

    def _give_up(self, within: float) -> None:
        print(f"callplane: not everything stopped within {within:.0f} s, so it was ended", file=sys.stderr)
        self._end(1)

    def _end(self, status: int) -> None:
        self._force()
        sys.stdout.flush()
        os._exit(status)


@contextlib.contextmanager
def interrupts(force: Callable[[], None]) -> Iterator[Interrupt]:
    """Catch both signals for the block; ``force`` is called just before the process ends in the middle of it."""
    loop, interrupt = asyncio.get_running_loop(), Interrupt(force)
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupt)
    try:
        yield interrupt
    finally:
        interrupt.stopped()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
