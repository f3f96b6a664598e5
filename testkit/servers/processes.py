"""Process finder: looks for processes by what they inherited, so that a test can say that none was left."""

import asyncio
import os
from pathlib import Path


def marked(mark: str) -> dict[int, str]:
    """Pid and command line of the living processes whose environment or command line names ``mark``."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment or mark.encode() in command:
            found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


async def ended(mark: str, within: float = 5.0) -> None:
    """Wait until no process bears the mark: the kernel takes a moment after it has killed one."""
    try:
        async with asyncio.timeout(within):
            while found := marked(mark):
                for pid in found:
                    await _exit_of(pid)
    except TimeoutError:
        raise AssertionError(f"still running: {marked(mark)}") from None


async def _exit_of(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
