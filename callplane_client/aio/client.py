"""Client on asyncio: one object for a Callplane, with an area for each thing."""

import os
from collections.abc import Sequence
from typing import Any, Self

from callplane_client.aio.events import AsyncEvents
from callplane_client.aio.http import AsyncCaller, AsyncHttp, AsyncWay
from callplane_client.aio.participants import AsyncParticipants
from callplane_client.aio.seat import AsyncSeat
from callplane_client.aio.sessions import AsyncBans, AsyncPresences, AsyncSessions, AsyncTokens
from callplane_client.aio.state import AsyncState
from callplane_client.aio.talk import AsyncChat, AsyncSignals
from callplane_client.aio.webhooks import AsyncWebhooks
from callplane_client.asking import PREFIX, Ask, Credential, place_of
from callplane_client.shapes import Joined


class AsyncCallplane:
    """A Callplane at one address, or at several that are the same (pods without a balancer before them).

    Without a key and without a token: open access, as under ``callplane up``, whose link may be the address.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        api_key: str | None = None,
        token: str | None = None,
        way: AsyncWay | None = None,
    ) -> None:
        places = [place_of(one) for one in ([url] if isinstance(url, str) else url)]
        credential = Credential(api_key, token or (None if api_key else places[0][1]))
        self._set(AsyncCaller(AsyncHttp([place for place, _ in places], way or AsyncWay()), credential))

    @classmethod
    def from_env(cls, *, way: AsyncWay | None = None) -> Self:
        """As ``CALLPLANE_URL`` and ``CALLPLANE_API_KEY`` say; the first may be several, separated by commas."""
        urls = os.environ.get("CALLPLANE_URL", "http://127.0.0.1:8080").split(",")
        return cls([url.strip() for url in urls], api_key=os.environ.get("CALLPLANE_API_KEY") or None, way=way)

    def _set(self, ask: AsyncCaller) -> None:
        self._ask = ask
        self.sessions = AsyncSessions(ask)
        self.participants = AsyncParticipants(ask)
        self.bans = AsyncBans(ask)
        self.tokens = AsyncTokens(ask)
        self.presence = AsyncPresences(ask)
        self.signals = AsyncSignals(ask)
        self.chat = AsyncChat(ask)
        self.state = AsyncState(ask)
        self.webhooks = AsyncWebhooks(ask)
        self.events = AsyncEvents(ask)

    def seat(self, joined: Joined) -> AsyncSeat:
        """Act as who has joined, over the same connections."""
        return AsyncSeat(AsyncCaller(self._ask.http, Credential(token=joined.token)), joined)

    def with_token(self, token: str) -> Self:
        """The same Callplane, asked with another token over the same connections."""
        other = object.__new__(type(self))
        other._set(AsyncCaller(self._ask.http, Credential(token=token)))
        return other

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Ask for what has no method here, as patiently as all else; the JSON of the answer."""
        return await self._ask(Ask(method, PREFIX + path, body, query))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._ask.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
