"""Client without asyncio: one object for a Callplane, with an area for each thing."""

# Made of callplane_client/aio/client.py by docs/make_blocking_client.py.

import os
from collections.abc import Sequence
from typing import Any, Self

from callplane_client.asking import PREFIX, Ask, Credential, place_of
from callplane_client.blocking.events import Events
from callplane_client.blocking.http import Caller, Http, Way
from callplane_client.blocking.participants import Participants
from callplane_client.blocking.seat import Seat
from callplane_client.blocking.sessions import Bans, Presences, Sessions, Tokens
from callplane_client.blocking.state import State
from callplane_client.blocking.talk import Chat, Signals
from callplane_client.blocking.webhooks import Webhooks
from callplane_client.shapes import Joined


class Callplane:
    """A Callplane at one address, or at several that are the same (pods without a balancer before them).

    Without a key and without a token: open access, as under ``callplane up``, whose link may be the address.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        api_key: str | None = None,
        token: str | None = None,
        way: Way | None = None,
    ) -> None:
        places = [place_of(one) for one in ([url] if isinstance(url, str) else url)]
        credential = Credential(api_key, token or (None if api_key else places[0][1]))
        self._set(Caller(Http([place for place, _ in places], way or Way()), credential))

    @classmethod
    def from_env(cls, *, way: Way | None = None) -> Self:
        """As ``CALLPLANE_URL`` and ``CALLPLANE_API_KEY`` say; the first may be several, separated by commas."""
        urls = os.environ.get("CALLPLANE_URL", "http://127.0.0.1:8080").split(",")
        return cls([url.strip() for url in urls], api_key=os.environ.get("CALLPLANE_API_KEY") or None, way=way)

    def _set(self, ask: Caller) -> None:
        self._ask = ask
        self.sessions = Sessions(ask)
        self.participants = Participants(ask)
        self.bans = Bans(ask)
        self.tokens = Tokens(ask)
        self.presence = Presences(ask)
        self.signals = Signals(ask)
        self.chat = Chat(ask)
        self.state = State(ask)
        self.webhooks = Webhooks(ask)
        self.events = Events(ask)

    def seat(self, joined: Joined) -> Seat:
        """Act as who has joined, over the same connections."""
        return Seat(Caller(self._ask.http, Credential(token=joined.token)), joined)

    def with_token(self, token: str) -> Self:
        """The same Callplane, asked with another token over the same connections."""
        other = object.__new__(type(self))
        other._set(Caller(self._ask.http, Credential(token=token)))
        return other

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Ask for what has no method here, as patiently as all else; the JSON of the answer."""
        return self._ask(Ask(method, PREFIX + path, body, query))

    def close(self) -> None:
        """Close every connection."""
        self._ask.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
