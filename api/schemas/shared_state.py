"""Shared state over HTTP: a key's new value, and what there is."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.bodies import Data, Strict
from api.schemas.responses import View
from callplane.contracts.shapes import StateEntry

_ENTRY: dict[str, Any] = {"value": 4, "version": 17}


class StateBody(Strict):
    """Of ``PATCH …/state/{key}``."""

    value: Data
    """any JSON, up to 8 KiB; null takes the key away"""
    if_version: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    """the `version` that the key must still have; 0: it must not be there"""


class StateKeyView(View):
    """A key of the shared state as it is now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key": "slide", **_ENTRY}]})

    key: str
    """which"""
    value: Any
    """what was given to it; null: nothing"""
    version: int
    """the session's version since which it is so, for `if_version`; 0: it is not there"""


class StateView(View):
    """All of the shared state."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 21, "state": {"slide": _ENTRY}}]})

    version: int
    """the session's, of which all this is"""
    state: dict[str, StateEntry]
    """by key"""
