"""Free JSON (metadata, the data of events) as MongoDB holds it, and back: what comes out is equal to what went in.

Most of it is stored as it is. BSON has no integer of more than 64 bits and no NUL in a key, MongoDB gives keys with
``$`` meanings of their own, and PyMongo reads a sub-document with ``$ref`` and ``$id`` as a DBRef, which no option
turns off. The smallest part that holds such a thing is kept as its JSON text, in a binary value that no JSON can bring
along. It stands in a sub-document: a program that does not know of this reads a sub-document, and shows that instead.
"""

import json
from typing import Annotated, Any

import bson
from bson import DBRef, Int64
from bson.binary import Binary
from pydantic import BeforeValidator

_KEY = "json"
_SUBTYPE = 0x81
_PLAIN = frozenset({str, int, float, bool, type(None), Int64})


def stored(value: Any) -> Any:
    """What to write for a JSON value; the value itself wherever that comes back as it is."""
    if isinstance(value, dict):
        if any(key.startswith("$") or "\0" in key for key in value):
            return _encoded(value)
        return {key: stored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [stored(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return _encoded(value)
    return value


def restored(value: Any) -> Any:
    """The JSON value that was written so, also by a version that wrote everything as it is. Raises ValueError."""
    return value if _is_plain(value) else _restored(value)


def stored_size(value: Any) -> int:
    """How many bytes of BSON it takes."""
    return len(bson.encode({"": stored(value)}))


def _encoded(value: Any) -> dict[str, Binary]:
    return {_KEY: Binary(json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), _SUBTYPE)}


def _is_plain(value: Any) -> bool:
    """Asked of each document that is read, so it makes nothing, and asks leaves for their type only."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return kind in _PLAIN
    return all(type(item) in _PLAIN or _is_plain(item) for item in value)


def _restored(value: Any) -> Any:
    if isinstance(value, DBRef):
        value = dict(value.as_doc())
    if isinstance(value, dict):
        text = value.get(_KEY)
        if len(value) == 1 and isinstance(text, Binary) and text.subtype == _SUBTYPE:
            return json.loads(text)
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if type(value) in _PLAIN:
        return value
    raise ValueError(f"holds a {type(value).__name__}, which is no JSON")


AnyJson = Annotated[Any, BeforeValidator(restored)]
"""The field of a document that holds any JSON."""
FreeJson = Annotated[dict[str, Any], BeforeValidator(restored)]
"""The field of a document that holds an object of free JSON."""
