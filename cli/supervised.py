"""Supervised server: a child killed on purpose is started again, and any other end of it ends everything."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn, Protocol

from cli.machine.errors import CannotStart
from cli.machine.process import Process

AWAY = 3.0
"""Seconds for which what was killed stays away, so that one sees how it is without it."""

BACK_OFF = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries to start it again; after the last one all is given up."""

State = Literal["off", "starting", "up", "down"]


class ChildDied(Exception):
    """A server that we had started ended without being asked to."""


class Server(Protocol):
    """What can be started and killed, again and again."""

    @property
    def processes(self) -> list[Process]:
        """Those that run for it now."""
        ...

    async def start(self) -> None:
        """Start it and wait until it serves. Raises CannotStart."""
        ...

    async def kill(self) -> None:
        """End its processes at once, by their own ids."""
        ...


@dataclass(frozen=True)
class About:
    """What people are told of a server: its name, what is seen when it goes, and a page that it serves."""

    id: str
    name: str
    effect: str
    page: str | None = None

    @property
    def subject(self) -> str:
        """The name at the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]


class Supervised:
    """One server; ``kill`` and ``start`` only ask, and ``watch`` alone does it, one thing after the other."""

    def __init__(self, about: About, server: Server, say: Callable[[str], None], *, started: bool = True) -> None:
        """``say`` tells who sits at the terminal."""
        self.about = about
        self.state: State = "up" if started else "off"
        """Off: not started yet, because nobody has asked for it."""
        self._server = server
        self._say = say
        self._asked = asyncio.Event()
        self._down_at: float | None = None
        self._was_away: float | None = None

    @property
    def processes(self) -> list[Process]:
        """What runs for it now."""
        return self._server.processes

    @property
    def away_seconds(self) -> float | None:
        """For how long it has been away, or was the last time; None: it never was."""
        return self._was_away if self._down_at is None else time.monotonic() - self._down_at

    def kill(self) -> bool:
        """Ask for its end by SIGKILL; whether it was there to be killed."""
        if self.state != "up":
            return False
        self.state, self._down_at = "down", time.monotonic()
        self._asked.set()
        return True

    def start(self) -> bool:
        """Ask for the start of one that is off; whether it was."""
        if self.state != "off":
            return False
        self.state = "starting"
        self._asked.set()
        return True

    async def watch(self) -> NoReturn:
        """Do what is asked, until it ends in another way. Raises ChildDied, in a group."""
        if self.state in ("off", "starting"):
            await self._asked.wait()
            self._asked.clear()
            self._say(f"{self.about.subject} is started, as the console asks.")
            await self._start()
        while True:
            await self._until_asked()
            self._say(f"{self.about.subject} is killed, as the console asks; it starts again in {AWAY:g} s.")
            await self._server.kill()
            await asyncio.sleep(AWAY)
            await self._start()

    async def _until_asked(self) -> None:
        async with asyncio.TaskGroup() as group:
            deaths = [group.create_task(death_of(process)) for process in self.processes]
            await self._asked.wait()
            for death in deaths:
                death.cancel()
        self._asked.clear()

    async def _start(self) -> None:
        for pause in BACK_OFF:
            try:
                await self._server.start()
                break
            except CannotStart as trouble:
                await self._server.kill()
                self._say(f"{self.about.subject} did not start ({trouble}); the next try is in {pause:g} s.")
            await asyncio.sleep(pause)
        else:
            await self._start_at_last()
        if self._down_at is not None:
            self._was_away, self._down_at = time.monotonic() - self._down_at, None
            self._say(f"{self.about.subject} is back after {self._was_away:.1f} s.")
        self.state = "up"

    async def _start_at_last(self) -> None:
        try:
            await self._server.start()
        except CannotStart as trouble:
            tries = len(BACK_OFF) + 1
            raise ChildDied(
                f"{self.about.name} did not start in {tries} tries: stopping everything ({trouble})"
            ) from None


async def death_of(child: Process) -> NoReturn:
    """Wait for the end of a child that nobody has asked to end. Raises ChildDied."""
    status = await child.ended()
    if status < 0:
        raise ChildDied(f"{child.command.name} was ended by {signal.Signals(-status).name}: stopping everything")
    raise ChildDied(f"{child.command.name} ended with status {status}: stopping everything ({child.last_words()})")
