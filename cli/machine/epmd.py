"""Erlang port mapper, our own: nodes of one cluster find each other in it, and nobody else's do."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.machine.errors import MissingPart
from cli.machine.process import Command, Process

_PROGRAMS = ("/usr/bin/epmd", "/usr/lib/erlang/bin/epmd", "/usr/local/bin/epmd", "/opt/erlang/bin/epmd")


def find_epmd() -> str | None:
    """The epmd of this machine."""
    return shutil.which("epmd") or next((path for path in _PROGRAMS if os.access(path, os.X_OK)), None)


@dataclass
class Epmd:
    """One epmd as a child of ours: left to Erlang it becomes a daemon that outlives its nodes."""

    port: int
    log: Path
    _process: Process | None = field(default=None, init=False)

    @property
    def processes(self) -> list[Process]:
        """What runs for it."""
        return [] if self._process is None else [self._process]

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it; one that runs already is left alone. Nodes wait for it by themselves."""
        if self._process is not None and self._process.returncode is None:
            return
        program = find_epmd()
        if program is None:
            raise MissingPart("Erlang is not installed: apt-get install erlang-base")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        argv = [program, "-port", str(self.port), "-address", "127.0.0.1"]
        self._process = Process(Command("epmd", argv, self.log, env=environment))

    async def stop(self) -> None:
        """End it."""
        if self._process is not None:
            await self._process.terminate()

    async def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            await self._process.kill()
