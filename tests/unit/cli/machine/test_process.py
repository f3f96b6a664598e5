"""Child processes: ready lines, ends, and what happens to them when their owner is killed."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from cli.machine.errors import CannotStart
from cli.machine.process import Command, Process, running
from testkit.servers.processes import ended, marked
from testkit.servers.until import until


def command(tmp_path: Path, code: str, ready_within: float = 10.0) -> Command:
    return Command("child", [sys.executable, "-u", "-c", code], tmp_path / "log", ready_within=ready_within)


async def test_the_ready_line_is_found_among_others(tmp_path: Path) -> None:
    code = """
print('{"level": "info", "event": "almost \\\\"ready\\\\""}')
print('{"ready": true, "url": "http://here"}')
import time; time.sleep(60)"""
    async with running(command(tmp_path, code)) as process:
        assert (await process.ready_line())["url"] == "http://here"
        assert process.returncode is None
    assert process.returncode == -signal.SIGTERM


async def test_a_child_that_ends_first_is_told_with_its_last_words(tmp_path: Path) -> None:
    async with running(command(tmp_path, "print('the disk is full'); raise SystemExit(3)")) as process:
        with pytest.raises(CannotStart, match="child ended with status 3: the disk is full"):
            await process.ready_line()


async def test_a_child_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    async with running(command(tmp_path, "import time; time.sleep(60)", ready_within=0.3)) as process:
        with pytest.raises(CannotStart, match="child was not ready"):
            await process.ready_line()


async def test_a_log_of_an_earlier_life_is_not_read_again(tmp_path: Path) -> None:
    wanted = command(tmp_path, "print('second')")
    wanted.log.write_text("first\n")
    process = Process(wanted)
    await process.ended()
    assert process.output() == "second\n"


async def test_a_child_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    code = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", {str(tmp_path)!r}])
print('{{"ready": true}}'); time.sleep(60)"""
    process = Process(command(tmp_path, code))
    await process.ready_line()
    assert len(marked(str(tmp_path))) == 2
    assert await process.terminate(within=0.3) == -signal.SIGKILL
    await ended(str(tmp_path))


async def test_a_paused_child_can_be_terminated(tmp_path: Path) -> None:
    code = "print('{\"ready\": true}'); import time; time.sleep(60)"
    async with running(command(tmp_path, code)) as process:
        await process.ready_line()
        process.pause()
        assert await process.terminate(within=5) == -signal.SIGTERM


async def test_several_may_wait_for_the_end(tmp_path: Path) -> None:
    # In a run that a shell without job control has put into the background SIGINT is ignored, also by our children.
    code = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
print('{"ready": true}'); time.sleep(60)"""
    async with running(command(tmp_path, code)) as process, asyncio.TaskGroup() as group:
        await process.ready_line()
        waiting = [group.create_task(process.ended()) for _ in range(3)]
        process.signal(signal.SIGINT)
    assert {task.result() for task in waiting} == {-signal.SIGINT}


async def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    process = Command("no such thing", [str(tmp_path / "missing")], tmp_path / "log")
    with pytest.raises(CannotStart, match="no such thing"):
        async with running(process) as started:
            await started.ready_line()


async def test_children_die_with_an_owner_that_was_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from cli.machine.process import Command, Process
child = Command("grandchild", [sys.executable, "-c", "import time; time.sleep(60)", {str(tmp_path)!r}],
                Path({str(tmp_path / "grandchild.log")!r}))
process = Process(child)
print('{{"ready": true, "pid": %d}}' % process.pid)
asyncio.run(process.ended())"""
    owner = Process(Command("owner", [sys.executable, "-u", "-c", code], tmp_path / "log", cwd=Path.cwd()))
    grandchild = (await owner.ready_line())["pid"]
    assert grandchild in marked(str(tmp_path))

    async def tethered() -> bool:
        """An owner that dies before its child has asked the kernel for that leaves it running."""
        return "--pdeathsig" not in marked(str(tmp_path))[grandchild]

    await until(tethered)
    # This kills its own group only, and the grandchild leads another one: nothing but the kernel ends it.
    await owner.kill()
    await ended(str(tmp_path))
