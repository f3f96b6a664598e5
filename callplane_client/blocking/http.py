"""HTTP of the client: one request, repeated under its key while the trouble is one that passes."""

# Made of callplane_client/aio/http.py by docs/make_blocking_client.py.

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import httpx

from callplane_client.asking import Ask, Credential, answer, is_local
from callplane_client.errors import CallplaneError, Unreachable, refusal, stream_refusal
from callplane_client.retries import Retries


@dataclass(frozen=True, slots=True)
class Way:
    """How requests travel: how patiently, and by which transport of ``httpx`` (None: its own)."""

    retries: Retries = field(default_factory=Retries)
    transport: httpx.BaseTransport | None = None


class Http:
    """One connection pool to one Callplane, which may have several addresses: one that is not reached is left."""

    def __init__(self, urls: Sequence[str], way: Way) -> None:
        self._urls = list(urls)
        self._at = 0
        """The address that is used, until it fails."""
        self.retries = way.retries
        self._client = httpx.Client(transport=way.transport, trust_env=not all(map(is_local, urls)))

    @property
    def url(self) -> str:
        """The address that is used now."""
        return self._urls[self._at % len(self._urls)]

    def elsewhere(self, failed: str) -> None:
        """The next request goes to the next address; of many that fail at one together, the first says so."""
        if self.url == failed:
            self._at += 1

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def call(self, ask: Ask, credential: Credential) -> Any:
        """The JSON of the answer, None where it has none. Raises Refused, Unreachable."""
        headers = ask.headers() | credential.headers()
        attempt, end = 0, monotonic() + self.retries.patience
        while True:
            try:
                # A try that begins late in the patience may not take as long as the first.
                within = min(self.retries.attempt, max(1.0, end - monotonic())) if attempt else self.retries.attempt
                return self.once(ask, headers, within)
            except CallplaneError as trouble:
                wait = self.retries.again(trouble, attempt, end - monotonic())
                if wait is None:
                    raise
            attempt += 1
            sleep(wait)

    def once(self, ask: Ask, headers: dict[str, str], within: float) -> Any:
        """One try, of so many seconds."""
        with self._reached():
            found = self._client.send(self._request(ask, headers, within))
        return answer(found.status_code, found.headers, found.content)

    @contextmanager
    def lines(self, ask: Ask, headers: dict[str, str], silence: float) -> Iterator[Iterator[str]]:
        """The lines of an answer as they come; one that says nothing for so many seconds is dead."""
        with self._opened(ask, headers, silence, stream_refusal) as found:
            yield found.iter_lines()

    @contextmanager
    def pieces(self, ask: Ask, headers: dict[str, str], silence: float) -> Iterator[Iterator[bytes]]:
        """The bytes of an answer as they come; one that says nothing for so many seconds is dead."""
        with self._opened(ask, headers, silence, refusal) as found:
            yield found.iter_bytes()

    @contextmanager
    def _opened(
        self, ask: Ask, headers: dict[str, str], silence: float, judge: Callable[..., CallplaneError]
    ) -> Iterator[httpx.Response]:
        with self._reached():
            found = self._client.send(self._request(ask, headers, silence), stream=True)
            try:
                if not found.is_success:
                    raise judge(found.status_code, found.headers, found.read())
                yield found
            finally:
                found.close()

    def _request(self, ask: Ask, headers: dict[str, str], within: float) -> httpx.Request:
        content = None
        if ask.body is not None:
            content, headers = json.dumps(ask.body).encode(), {**headers, "Content-Type": "application/json"}
        query = ask.parameters() or None  # an empty one would take away what the path brings
        return self._client.build_request(
            ask.method, self.url + ask.path, params=query, headers=headers, content=content, timeout=within
        )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        url = self.url
        try:
            yield
        except (httpx.TransportError, httpx.StreamError) as trouble:
            self.elsewhere(url)
            raise Unreachable(f"no answer from {url}: {trouble or type(trouble).__name__}") from trouble


@dataclass(frozen=True, slots=True)
class Caller:
    """One credential at one Callplane: what every area of the client asks through."""

    http: Http
    credential: Credential

    def __call__(self, ask: Ask) -> Any:
        """The JSON of the answer."""
        return self.http.call(ask, self.credential)
