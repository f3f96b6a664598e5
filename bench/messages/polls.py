"""Long polls of a client that only counts: to ask again is to acknowledge."""

import asyncio
import re
from itertools import cycle

from bench.messages.asking import HttpConnection, connect, request
from bench.messages.book import Reader
from bench.messages.ways import AGAIN, OPEN_WITHIN, REFUSED, Ways

WAIT = 25
_ACK = re.compile(rb'\],"ack":"([^"]+)"')


class PollDoor:
    """Polls again and again; ``anywhere`` asks each pod in turn, as without stickiness."""

    def __init__(self, reader: Reader, token: str, ways: Ways, pod: int, anywhere: bool = False) -> None:
        self._reader, self._ways, self._pod, self._anywhere = reader, ways, pod, anywhere
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connections: list[HttpConnection] = []
        self._turns = cycle(self._connections)
        self._ack = ""
        self.is_open = False
        self.wanted = True

    async def open(self) -> None:
        """Connect, and ask once for what is there already."""
        self._connections = await self._connected()
        self._turns = cycle(self._connections)
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                status, body = await next(self._turns).ask(self._question(0))
        except TimeoutError:
            self.drop()
            raise
        self.is_open = status == 200
        self._answered(status, body)

    def acknowledge(self) -> None:
        """Nothing: to ask again is to acknowledge."""

    def stop_reading(self) -> None:
        """Not to read is not to ask again."""
        self.wanted = False

    def drop(self) -> bool:
        """Abort the connections; the poll that is parked at one of them hears it."""
        for one in self._connections:
            one.abort()
        return False

    async def _connected(self) -> list[HttpConnection]:
        """To one pod, or to each that can be reached."""
        pods, made = self._ways.pods, list[HttpConnection]()
        for number in range(len(pods)):
            try:
                made.append(await connect(pods[(self._pod + number) % len(pods)]))
            except OSError:
                continue  # That pod is gone: a load balancer would choose another one.
            if not self._anywhere:
                break
        if not made:
            raise OSError("no pod can be reached")
        return made

    def _question(self, wait: int) -> bytes:
        query = f"?wait={wait}&ack={self._ack}" if self._ack else f"?wait={wait}"
        return request("GET", "/v1/messages" + query, self._headers)

    def _answered(self, status: int, body: bytes) -> None:
        if status == 200:
            self._given(body)
            if self.wanted:
                next(self._turns).send(self._question(WAIT), self._answered)
            return
        self.is_open = False
        self._ways.book.tally.codes[str(status)] += 1
        self.wanted = self.wanted and status != 410  # the seat is gone
        self.drop()
        if self.wanted:
            self._ways.open_again(self, REFUSED if status else AGAIN)

    def _given(self, body: bytes) -> None:
        if (found := _ACK.search(body, max(0, len(body) - 256))) is not None:
            self._ack = found[1].decode()
            self._ways.book.given(self._reader, body[: found.start()])
