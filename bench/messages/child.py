"""Child that obeys: a module of ours with lines of JSON in and out, in a session of its own."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

LINE_BYTES = 1 << 22
ENDS_WITHIN = 10.0


class Child:
    """The process; one order at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its pid, which is its session's."""
        return self._process.pid

    async def ask(self, do: str, within: float = 3600.0, **arguments: Any) -> dict[str, Any]:
        """Give an order and wait for its figures. Raises SystemExit when it has ended instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        async with asyncio.timeout(within):
            line = await self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the crowd ended over {do!r}; it has said why above")
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Run a module until the block ends; what it says on standard error is shown."""
    pipe = asyncio.subprocess.PIPE
    argv = [sys.executable, "-m", module, *arguments]
    if tether := shutil.which("setpriv"):  # it may be in the middle of an order when we are killed
        argv = [tether, "--pdeathsig", "KILL", "--", *argv]
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, limit=LINE_BYTES, start_new_session=True
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(ENDS_WITHIN):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
