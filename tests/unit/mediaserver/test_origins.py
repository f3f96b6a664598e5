"""A page of whatever site may not command the media server of its reader."""

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mediaserver.server import assemble
from mediaserver.settings import Settings


@pytest.mark.parametrize("origin", ["https://example.org", "http://127.0.0.1:8080", "null"])
async def test_browsers_are_refused(origin: str) -> None:
    async with assemble(Settings(port=0)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url, origin=origin)
        assert refused.value.response.status_code == 403
        async with connect(server.url):
            pass
