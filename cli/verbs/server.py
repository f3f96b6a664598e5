"""API as the operators' verbs reach it: one request, its JSON, or one sentence about what went wrong."""

import json
from dataclasses import dataclass
from http.client import HTTPException, responses
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPErrorProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from callplane.network import is_loopback
from cli.waiting import waiting

ANSWER_SECONDS = 20.0
VERSION = "/v1"
REFUSED, UNAVAILABLE = 1, 3


class Failed(Exception):
    """Nothing was done, for this reason; ``status`` is the exit status that says so."""

    def __init__(self, why: str, status: int = REFUSED) -> None:
        super().__init__(why)
        self.status = status


class _AsItIs(HTTPErrorProcessor):
    """Hands on what is not 2xx as well, and follows no redirect: the API makes none, and the key is not for others."""

    def http_response(self, request: Request, response: Any) -> Any:
        """The answer."""
        return response

    https_response = http_response


@dataclass(frozen=True)
class Server:
    """Where the API is, and the key to it; the address may bring a token in its fragment, as the link of `up` does."""

    url: str
    key: str | None

    @property
    def place(self) -> str:
        """The address without what it brings."""
        return self.url.partition("#")[0].rstrip("/")

    def credential(self) -> dict[str, str]:
        """Headers that say who asks."""
        if self.key:
            return {"X-API-Key": self.key}
        token = dict(parse_qsl(self.url.partition("#")[2])).get("access_token")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer, None where it has none; ``path`` is below the API's version. Raises Failed."""
        place, headers, data = self.place, {"Accept": "application/json", **self.credential()}, None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            request = Request(place + VERSION + path, data, headers, method=method)
            with waiting(f"asking {place}"), _opener(place).open(request, timeout=ANSWER_SECONDS) as answer:
                status, text = answer.status, answer.read()
            if not 200 <= status < 300:
                raise refusal(status, text)
            return json.loads(text) if text else None
        except (OSError, HTTPException, ValueError) as trouble:
            why = trouble.reason if isinstance(trouble, URLError) else trouble
            raise Failed(f"no answer from {place}: {why or type(why).__name__}", UNAVAILABLE) from None


def _opener(url: str) -> OpenerDirector:
    # This machine itself is never behind the proxy that the environment names.
    return build_opener(_AsItIs, *([ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []))


def refusal(status: int, text: bytes) -> Failed:
    """The problem of RFC 9457 in one sentence; whoever answers without one is no API of ours, or a proxy before it."""
    try:
        problem = json.loads(text)
        title, detail, again = problem["title"], problem.get("detail") or "", problem.get("retryable", False)
    except (ValueError, KeyError, TypeError):
        known = responses.get(status, "")
        return Failed(f"HTTP {status} {known}".rstrip(), UNAVAILABLE if status >= 500 else REFUSED)
    why = title if detail in ("", title) else f"{title}: {detail}"
    return Failed(why, UNAVAILABLE if again else REFUSED)
