"""`callplane events`: what is shown of the stream."""

import asyncio
import json

import pytest

from callplane_client import AsyncCallplane
from cli import __main__ as command
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database


async def test_events_are_shown_for_people_and_for_programs(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        asked = ["--url", url, "--api-key", KEY]
        tail = ["events", "tail", "--from", "first", "--count", "2", "--type", "session-created", *asked]
        tailing = asyncio.ensure_future(asyncio.to_thread(command.main, tail))
        sessions = [await callplane.sessions.create() for _ in range(2)]
        await callplane.sessions.close(sessions[0].id, reason="\x1b[31mred")
        assert await tailing == 0
        replay = ["events", "replay", "--session", sessions[0].id, *asked]
        assert await asyncio.to_thread(command.main, [*replay, "--json"]) == 0
        assert await asyncio.to_thread(command.main, replay) == 0
        assert await asyncio.to_thread(command.main, ["events", "replay", "--session", "nobody", *asked]) == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert sum("session-created" in line and not line.startswith("{") for line in lines) == 3
    assert [json.loads(line)["sessionversion"] for line in lines if line.startswith("{")] == [1, 2]
    assert "\x1b[31m" not in told.out
    assert "no such session" in told.err.lower()
