"""RPC parameters: reads those of the methods themselves (protocol 5.1: their faults are -32000)."""

from collections.abc import Mapping
from typing import Any

from mediaserver.errors import parameter

Params = Mapping[str, Any]


def text(params: Params, name: str) -> str:
    """Return a mandatory text parameter."""
    if name not in params:
        raise parameter(f"'{name}' parameter is required")
    value = params[name]
    if not isinstance(value, str):
        raise parameter(f"'{name}' parameter should be a string")
    return value


def session(params: Params) -> str | None:
    """Return the session id: null is "", an object or array counts as missing (protocol 2.2)."""
    if "sessionId" not in params or isinstance(params["sessionId"], Mapping | list):
        return None
    value = params["sessionId"]
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
