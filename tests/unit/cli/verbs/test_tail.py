"""`callplane tail`: what it prints of a call, and how it ends."""

import asyncio
import json

import pytest

from callplane_client import AsyncCallplane
from cli import __main__ as command
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database
from testkit.servers.until import until


async def everybody_is_in(callplane: AsyncCallplane, session_id: str, count: int) -> bool:
    return len((await callplane.sessions.get(session_id)).participants) == count


async def test_it_prints_what_is_said_until_the_call_is_over(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        session = await callplane.sessions.create()
        asked = ["tail", session.id, "--url", url, "--api-key", KEY]
        tails = [[*asked, "--type", "signal", "--json", "--count", "1"], asked]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(asyncio.to_thread(command.main, tail)) for tail in tails]
            await until(lambda: everybody_is_in(callplane, session.id, len(tails)))
            await callplane.signals.send(session.id, "wave", {"text": "\x1b[31mred"})
            assert await running[0] == 0
            await callplane.sessions.close(session.id, reason="the end")
        assert running[1].result() == 0
    told = capsys.readouterr()
    first = next(line for line in told.out.splitlines() if line.startswith("{"))
    assert json.loads(first)["data"]["data"] == {"text": "\x1b[31mred"}
    assert "\x1b[31m" not in told.out
    assert "session-closed" in told.out
    assert "the end" in told.out
    assert told.err.count("Ctrl-C ends it") == 2


async def test_a_session_that_is_not_there_is_one_sentence(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with whole(database) as url:
        asked = ["tail", "nobody", "--url", url, "--api-key", KEY]
        assert await asyncio.to_thread(command.main, asked) == 1
    assert "404 not-found" in capsys.readouterr().err
