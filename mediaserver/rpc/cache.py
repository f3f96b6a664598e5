"""Request cache: remembers answers for 20 s, so that a repeated request is not executed twice (protocol 4)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from kurento_client.jsonrpc import RequestId, cache_key


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it went out, and the session that it bound its connection to."""

    text: str
    session_id: str | None
    until: float


class RequestCache:
    """Answers by session and id, whatever the method was; bounded, oldest out first."""

    def __init__(self, clock: Callable[[], float], ttl: float = 20.0, limit: int = 50_000) -> None:
        self._clock = clock
        self._ttl = ttl
        self._limit = limit
        self._stored: OrderedDict[tuple[str, str], Stored] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stored)

    def find(self, session_id: str, request_id: RequestId) -> Stored | None:
        """Return the answer given within the last 20 s."""
        self._expire()
        return self._stored.get((session_id, cache_key(request_id)))

    def store(self, session_id: str, request_id: RequestId, text: str, bound: str | None) -> None:
        """Keep an answer, result or error alike."""
        key = session_id, cache_key(request_id)
        self._stored.pop(key, None)
        self._stored[key] = Stored(text, bound, self._clock() + self._ttl)
        while len(self._stored) > self._limit:
            self._stored.popitem(last=False)

    def _expire(self) -> None:
        now = self._clock()
        while self._stored:
            key, oldest = next(iter(self._stored.items()))
            if oldest.until > now:
                return
            del self._stored[key]
