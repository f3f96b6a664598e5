"""Work is begun only for a client that is there."""

import asyncio
from collections import deque

import pytest
from fastapi import Request
from starlette.types import Message

from api.http.disconnects import ClientDisconnected, require_connected

BODY: Message = {"type": "http.request", "body": b"{}", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


class Connection:
    """What a server tells of a request, as uvicorn does it."""

    def __init__(self, *told: Message) -> None:
        self.told = deque(told)
        self.more = asyncio.Event()
        self.waiting = 0

    async def receive(self) -> Message:
        """The next message, when there is one."""
        self.waiting += 1
        try:
            while not self.told:
                await self.more.wait()
        finally:
            self.waiting -= 1
        return self.told.popleft()

    def request(self) -> Request:
        """As a route sees it."""
        return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, self.receive)


async def test_a_client_that_says_nothing_more_is_there_and_is_heard_of_later() -> None:
    connection = Connection(BODY)
    request = connection.request()
    await require_connected(request)
    assert connection.waiting == 0
    assert await request.body() == b"{}"
    connection.told.append(GONE)
    with pytest.raises(ClientDisconnected):
        await require_connected(request)


@pytest.mark.parametrize("told", [[GONE], [BODY, GONE]])
async def test_one_that_has_left_is_not(told: list[Message]) -> None:
    with pytest.raises(ClientDisconnected):
        await require_connected(Connection(*told).request())


async def test_one_that_leaves_while_the_loop_is_about_to_tell_is_not_either() -> None:
    connection = Connection(BODY)
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, loop.call_soon, connection.told.append, GONE)
    with pytest.raises(ClientDisconnected):
        await require_connected(connection.request())
