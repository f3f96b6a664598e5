"""Children of `callplane up`: what it has started, watched until one ends that nobody has killed on purpose."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import NoReturn

from cli.machine.process import Process
from cli.supervised import About, Server, Supervised, death_of


class Children:
    """All of them; whatever else runs on this machine is never touched."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """``say`` tells who sits at the terminal."""
        self._say = say
        self._others: list[Process] = []
        """What may not end at all."""
        self.supervised: list[Supervised] = []
        """What may be killed from the console."""

    def own(self, *processes: Process) -> None:
        """Watch these."""
        self._others.extend(processes)

    def supervise(self, about: About, server: Server, *, started: bool = True) -> None:
        """Watch a server that may be killed; one that is not ``started`` waits until it is asked for."""
        self.supervised.append(Supervised(about, server, self._say, started=started))

    @property
    def is_one_away(self) -> bool:
        """Whether something that was killed on purpose is not back yet."""
        return any(one.state == "down" for one in self.supervised)

    async def first_death(self) -> NoReturn:
        """Wait for an end that nobody has asked for. Raises ChildDied, in a group."""
        async with asyncio.TaskGroup() as group:
            for child in self._others:
                group.create_task(death_of(child))
            for one in self.supervised:
                group.create_task(one.watch())
            await asyncio.Event().wait()
        raise AssertionError("never set")

    def kill(self) -> None:
        """End all of them at once."""
        for child in (*self._others, *(process for one in self.supervised for process in one.processes)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
