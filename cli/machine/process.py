"""Child process: in a session of its own, with its output in a file, and never outliving us."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cli.machine.errors import CannotStart

POLL = 0.01
"""Seconds between two looks at a child that is starting."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Command:
    """What to run: ``log`` receives standard output and error, ``env`` is the whole environment."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    talks: bool = False
    ready_within: float = 60.0


class Process:
    """A running child; whatever ends it goes by its own pid (it leads its own process group)."""

    def __init__(self, command: Command) -> None:
        self.command = command
        # The log may hold an earlier life of the same server; only what follows is this one's.
        self._log_start = command.log.stat().st_size if command.log.exists() else 0
        self._popen = _spawn(command)

    @property
    def pid(self) -> int:
        """The pid, which is also its process group's."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._popen.poll()

    def output(self) -> str:
        """What it has written so far."""
        with self.command.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1][:300] if lines else "it wrote nothing"

    def write(self, text: str) -> None:
        """Write to its standard input (a command that ``talks`` only)."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(text.encode())
        self._popen.stdin.flush()

    async def until(self, look: Callable[[], Awaitable[Found | None]]) -> Found:
        """Look again and again until something is found; CannotStart when the child ends first, or takes too long."""
        name, within = self.command.name, self.command.ready_within
        try:
            async with asyncio.timeout(within):
                while (found := await look()) is None:
                    if self.returncode is not None:
                        raise CannotStart(f"{name} ended with status {self.returncode}: {self.last_words()}")
                    await asyncio.sleep(POLL)
                return found
        except TimeoutError:
            raise CannotStart(f"{name} was not ready after {within:.0f} s: {self.last_words()}") from None

    async def ready_line(self) -> dict[str, Any]:
        """Wait for the line ``{"ready": true, …}`` that our programs print once they serve."""

        async def look() -> dict[str, Any] | None:
            lines = (_json(line) for line in self.output().splitlines() if '"ready"' in line)
            return next((line for line in lines if line.get("ready") is True), None)

        return await self.until(look)

    async def ended(self) -> int:
        """Wait until it has ended; its status."""
        if self._popen.poll() is None:
            await _exit_of(self._popen.pid)
        return self._popen.wait()

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to the child itself; one that has ended is left alone."""
        if self._popen.poll() is None:
            self._popen.send_signal(which)

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): its sockets stay open and nobody answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self.signal(signal.SIGCONT)

    async def terminate(self, within: float = 10.0) -> int:
        """Ask it to stop; kill it when it has not done so in time. Its status."""
        self.signal(signal.SIGTERM)
        self.resume()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.ended()
        return await self.kill()

    async def kill(self) -> int:
        """End it, and whatever is left of its process group, at once. Its status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        status = await self.ended()
        if self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()
        return status


@contextlib.asynccontextmanager
async def running(command: Command) -> AsyncIterator[Process]:
    """Run a command for as long as the block lasts."""
    process = Process(command)
    try:
        yield process
    finally:
        await process.terminate()


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own programs."""
    return [sys.executable, "-m", module, *arguments]


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    argv = list(command.argv)
    if tether := shutil.which("setpriv"):
        # PR_SET_PDEATHSIG: when we are killed the kernel kills the child, so that a kill -9 leaves nothing running.
        argv = [tether, "--pdeathsig", "KILL", "--", *argv]
    with command.log.open("ab") as log:
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if command.talks else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=command.env,
                cwd=command.cwd,
                # A session of its own: Ctrl-C on the terminal reaches us only, and we stop things in order.
                start_new_session=True,
            )
        except OSError as trouble:
            raise CannotStart(f"{command.name} cannot be run: {trouble.strerror}") from trouble


async def _exit_of(pid: int) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(pid)
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _json(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
