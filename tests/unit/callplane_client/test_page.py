"""The page of the Python SDK: its lines run, in order, as they stand there."""

import ast
import asyncio
import inspect
import re
from typing import Any

import pytest

from testkit.deploy.manifests import ROOT
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database

PAGE = (ROOT / "docs/howto/use-the-python-sdk.md").read_text()


async def run(lines: str, names: dict[str, Any]) -> None:
    """Lines with ``await`` in them here, others in a thread, as they would block the API of this process."""
    code = compile(lines, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        await eval(code, names)
    else:
        await asyncio.to_thread(exec, code, names)


async def test_the_lines_of_the_page_run(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The bot wants a media server: tests/integration/callplane_client/test_media.py.
    blocks = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "callplane_client.media" not in each]
    names: dict[str, Any] = {}
    async with whole(database) as url:
        monkeypatch.setenv("CALLPLANE_URL", url)
        monkeypatch.setenv("CALLPLANE_API_KEY", KEY)
        for block in blocks:
            await run(block, names)
    said = capsys.readouterr().out
    assert len(blocks) == 9
    assert "\nHello\n" in said
    assert "409 session-closed" in said
    assert "msg_1 participant-joined" in said
