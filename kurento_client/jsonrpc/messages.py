"""Messages of both directions as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kurento_client.jsonrpc.codes import Code, type_name

RequestId = int | float | str | bool
"""What an id may be; it is echoed unchanged, with its type (protocol 2.1)."""


class JsonRpcError(Exception):
    """A refusal in JSON-RPC's form; a server raises it where it happens and encodes it in one place."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data = data

    @classmethod
    def kurento(cls, code: Code, message: str) -> "JsonRpcError":
        """Make the refusal with `data.type` filled in as Kurento does (protocol 5)."""
        name = type_name(code)
        return cls(int(code), message, None if name is None else {"type": name})


@dataclass(frozen=True, slots=True)
class Request:
    """A call that wants an answer; `params` is None where the member was absent or null."""

    id: RequestId
    method: str
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A call without an id (missing or null): executed all the same (protocol 2.3)."""

    method: str
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """JSON that is no request: answer `error`, with `id` (null unless the envelope itself was sound)."""

    error: JsonRpcError
    id: RequestId | None = None


@dataclass(frozen=True, slots=True)
class NotJson:
    """Text that is no JSON: Kurento drops the connection without a word (protocol 2.4)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer to one of our calls."""

    id: int
    result: Any = None

    @property
    def value(self) -> Any:
        """The `value` member of the result; None where it is null, absent or there is no object at all."""
        return self.result.get("value") if isinstance(self.result, Mapping) else None

    @property
    def session_id(self) -> str | None:
        """The session this answer came under; an empty one is none (protocol 2.2)."""
        found = self.result.get("sessionId") if isinstance(self.result, Mapping) else None
        return found if isinstance(found, str) and found else None


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """A refusal of one of our calls; `data` is optional and only a hint (protocol 5)."""

    id: int
    code: int
    message: str
    data: Any = None

    @property
    def type(self) -> str | None:
        """The symbolic name: `data.type` as sent, else the one our table knows for the code."""
        sent = self.data.get("type") if isinstance(self.data, Mapping) else None
        return sent if isinstance(sent, str) else type_name(self.code)


@dataclass(frozen=True, slots=True)
class Event:
    """An `onEvent`: `type` is `value.type`; `data.type` means something else in Error events (protocol 7)."""

    object: str
    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stray:
    """Something received that belongs to no call: a late or null id, an unknown shape; to be logged."""

    reason: str
    content: Any = None
