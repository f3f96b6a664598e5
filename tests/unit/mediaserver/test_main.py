"""The process: its ready line, its end, and what a restart means."""

import asyncio
import json
import signal
import sys

import pytest

from testkit.fakes.raw_kurento import raw_kurento
from testkit.servers.machine_time import within


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Start the program on a free port."""
    command = (sys.executable, "-m", "mediaserver", "--port", "0", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def ready(process: asyncio.subprocess.Process) -> dict[str, object]:
    """Read the ready line."""
    assert process.stdout is not None
    line: dict[str, object] = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_and_ends_at_once(number: signal.Signals) -> None:
    process = await start("--name", "one")
    try:
        line = await ready(process)
        assert line == {"name": "one", "port": line["port"], "ready": True, "url": line["url"]}
        async with raw_kurento(str(line["url"])) as kurento:
            pipeline = await kurento.pipeline()
            await kurento.endpoint(pipeline)
            async with within(1):
                process.send_signal(number)
                assert await process.wait() == 0
            await asyncio.wait_for(kurento.socket.wait_closed(), 5)
            assert kurento.socket.close_code == 1006  # as when a Kurento dies (protocol 1.3)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_new_process_is_another_server() -> None:
    found = []
    for _ in range(2):
        process = await start()
        try:
            async with raw_kurento(str((await ready(process))["url"])) as kurento:
                found.append((await kurento.call("connect"))["result"]["serverId"])
        finally:
            process.kill()
            await process.wait()
    assert found[0] != found[1]
