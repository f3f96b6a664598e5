"""The client on docs/howto/write-a-client.md gets media through, as it stands there."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import httpx
from aiortc.mediastreams import MediaStreamError

from testkit.deploy.manifests import ROOT
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

PAGE = (ROOT / "docs/howto/write-a-client.md").read_text()
KEY = {"X-API-Key": API_KEY}
WITHIN = 40.0
PICTURES = 10


class Watching:
    """Decodes what one client is given."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.enough = asyncio.Event()

    def seen(self, track: Any) -> None:
        """Take the track's pictures until it ends."""
        self._group.create_task(self._decode(track))

    async def _decode(self, track: Any) -> None:
        with suppress(MediaStreamError):
            for _ in range(PICTURES):
                await track.recv()
            self.enough.set()


def written() -> str:
    """The client's lines."""
    [source] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return str(source)


async def test_the_client_of_the_page_gets_media_through(servers: Servers) -> None:
    assert len([line for line in written().splitlines() if line.strip()]) <= 40
    page: dict[str, Any] = {}
    exec(written(), page)
    async with cluster(servers, Size(apis=1, wrappers=1)) as c, httpx.AsyncClient(trust_env=False) as http:
        url = c.apis[0].url
        session = (await http.post(f"{url}/v1/sessions", json={}, headers=KEY)).json()["id"]
        async with asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            people = [Watching(group) for _ in range(2)]
            calls = [group.create_task(page["call"](url, session, KEY, one.seen)) for one in people]
            for one in people:
                await one.enough.wait()
            assert (await http.delete(f"{url}/v1/sessions/{session}", headers=KEY)).status_code == 204
            await asyncio.wait(calls)
