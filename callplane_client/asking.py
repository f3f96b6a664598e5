"""Requests of the client: what is asked of the API, as one value that is the same at every repeat."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from callplane_client.errors import Unreachable, refusal
from callplane_client.retries import REPEATABLE, new_key

PREFIX = "/v1"
"""Of every path of the API's contract."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; whoever repeats it repeats its key and its body."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    """An idempotency key of the caller's own; None: one is made."""
    if_match: int | None = None
    """The version that is to be changed, and no later one."""

    def headers(self) -> dict[str, str]:
        """Those that belong to the request, whoever asks."""
        said = {"Accept": "application/json"}
        if self.method not in REPEATABLE:
            said["Idempotency-Key"] = self.key or new_key()
        if self.if_match is not None:
            said["If-Match"] = f'"{self.if_match}"'
        return said

    def parameters(self) -> dict[str, str | list[str]]:
        """The query, without what is not said; of a list each."""
        said = {name: value for name, value in self.query.items() if value is not None}
        return {
            name: [_text(each) for each in value] if isinstance(value, list | tuple) else _text(value)
            for name, value in said.items()
        }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def said(**fields: Any) -> dict[str, Any]:
    """Those of a body's fields that are said: a server of before refuses one that it does not know."""
    return {name: value for name, value in fields.items() if value is not None}


def path(*parts: str) -> str:
    """A path of these parts, whatever is in them."""
    return PREFIX + "".join(f"/{quote(part, safe='')}" for part in parts)


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks: an API key, or a token; neither where access is open."""

    api_key: str | None = None
    token: str | None = None

    def headers(self) -> dict[str, str]:
        """What shows it."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.api_key} if self.api_key else {}


def place_of(url: str) -> tuple[str, str | None]:
    """The address alone, and the token that a link of ``callplane up`` brings in its fragment."""
    place, _, fragment = url.partition("#")
    if urlsplit(place).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no http:// or https:// address")
    return place.rstrip("/"), dict(parse_qsl(fragment)).get("access_token")


def is_local(url: str) -> bool:
    """Whether it is this machine itself, which is never behind the proxy that the environment names."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def answer(status: int, headers: Mapping[str, str], text: bytes) -> Any:
    """The JSON of an answer, None where it has none. Raises Refused, Unreachable."""
    if not 200 <= status < 300:
        raise refusal(status, headers, text)
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise Unreachable("the answer is no JSON: a proxy answered") from None
