"""Kurento's own client for Node.js drives hubs, files and plain RTP: what it can make of a server is what others can.

With KURENTO_URL=ws://HOST:PORT/kurento it drives that server instead of ours: a real Kurento passes the same.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.npm import npm_packages

CHECKS = 9
PATIENCE = 90.0


@asynccontextmanager
async def server_url() -> AsyncIterator[str]:
    """The server that KURENTO_URL names, or one of ours."""
    named = os.environ.get("KURENTO_URL")
    if named:
        yield named
        return
    async with assemble(Settings(port=0, media=MediaSettings(addresses=("127.0.0.1",)))) as server:
        yield server.url


async def test_the_npm_client_finds_what_it_knows() -> None:
    script = Path(__file__).parent / "npm_client.js"
    environment = os.environ | {"NODE_PATH": str(npm_packages())}
    async with server_url() as url:
        process = await asyncio.create_subprocess_exec(
            "node",
            str(script),
            url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    told = said.decode()
    assert "not ok" not in told, told
    assert process.returncode == 0, told
    assert told.count("\nok ") + told.startswith("ok ") == CHECKS, told
