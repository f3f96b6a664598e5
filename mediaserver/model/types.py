"""Argument types, and how lenient their conversions are (protocol 2.5, 2.6)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal, unexpected, wrong_argument


class Objects(Protocol):
    """Whoever can turn an id into the living object it names."""

    def get(self, object_id: str) -> Any:
        """Return the object, or raise 40101."""


class Type(Protocol):
    """How one argument is read from JSON; `wanted` is the word its refusal uses."""

    @property
    def wanted(self) -> str:
        """What the refusal of a missing or unfit value says it should be."""

    def read(self, name: str, value: Any, objects: Objects) -> Any:
        """Convert, or raise 40001 naming the argument."""


def single(value: float) -> float:
    """Round to single precision, which is how Kurento keeps its floats (protocol 2.6)."""
    return float(struct.unpack("!f", struct.pack("!f", value))[0])


def record(kind: str, **fields: Any) -> dict[str, Any]:
    """Make an outgoing record; Kurento always says its module and type (protocol 2.6)."""
    return {"__module__": "kurento", "__type__": kind, **fields}


class StringType:
    """Text; null, numbers and booleans become text, as in jsoncpp."""

    wanted = "string"

    def read(self, name: str, value: Any, objects: Objects) -> str:
        """Convert to text."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise wrong_argument(name, self.wanted)


class IntType:
    """An integer; null, booleans and integral reals pass, text does not."""

    wanted = "integer"

    def read(self, name: str, value: Any, objects: Objects) -> int:
        """Convert to an integer."""
        if value is None:
            return 0
        if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
            return int(value)
        raise wrong_argument(name, self.wanted)


class FloatType:
    """A real number in single precision."""

    wanted = "double"

    def read(self, name: str, value: Any, objects: Objects) -> float:
        """Convert to a single-precision float."""
        if value is None:
            return 0.0
        if isinstance(value, bool | int | float) and abs(value) < 3.4e38:
            return single(value)
        raise wrong_argument(name, self.wanted)


class BooleanType:
    """A boolean; null and numbers pass, text does not."""

    wanted = "boolean"

    def read(self, name: str, value: Any, objects: Objects) -> bool:
        """Convert to a boolean."""
        if value is None or isinstance(value, bool | int | float):
            return bool(value)
        raise wrong_argument(name, self.wanted)


@dataclass(frozen=True)
class EnumType:
    """One of a fixed set of words, exact case."""

    kind: str
    words: frozenset[str]
    wanted: str = "string"

    def read(self, name: str, value: Any, objects: Objects) -> str:
        """Return the word, or refuse it."""
        if not isinstance(value, str):
            raise wrong_argument(name, self.wanted)
        if value not in self.words:
            raise refusal(Code.MARSHALL_ERROR, f"Invalid value '{value}' for {self.kind}")
        return value


def words(prefix: str, endings: str) -> frozenset[str]:
    """Spell the words of an enumeration that share a beginning."""
    return frozenset(prefix + ending for ending in endings.split())


@dataclass(frozen=True)
class RecordType:
    """A JSON object with named fields; those with a default may be left out."""

    kind: str
    fields: Mapping[str, Type]
    optional: frozenset[str] = frozenset()
    wanted: str = "object"

    def read(self, name: str, value: Any, objects: Objects) -> dict[str, Any]:
        """Read every field that is there; mandatory ones must be."""
        if not isinstance(value, Mapping):
            raise wrong_argument(name, self.wanted)
        if "__type__" in value and "__module__" in value:
            _check_kind(self.kind, value["__type__"])
        read = {}
        for key, kind in self.fields.items():
            if key in value:
                read[key] = kind.read(key, value[key], objects)
            elif key not in self.optional:
                raise wrong_argument(key, kind.wanted)
        return read


def _check_kind(wanted: str, given: Any) -> None:
    if given != wanted:
        if given not in RECORDS:
            raise unexpected("bad_function_call")  # an unregistered record type (protocol 2.6)
        raise refusal(Code.UNEXPECTED_ERROR, f"Type {given} is not compatible")


@dataclass(frozen=True)
class ObjectType:
    """A reference to a living object of a class or one that derives from it."""

    kind: str
    wanted: str = "string"

    def read(self, name: str, value: Any, objects: Objects) -> Any:
        """Return the object itself."""
        if not isinstance(value, str):
            raise wrong_argument(name, self.wanted)
        found = objects.get(value)
        if not found.spec.is_a(self.kind):
            raise unexpected("bad_weak_ptr")  # what the real one says where it does not crash (9.4)
        return found


STRING = StringType()
INT = IntType()
FLOAT = FloatType()
BOOLEAN = BooleanType()

RECORDS = frozenset({"IceCandidate", "RembParams", "AudioCaps", "VideoCaps", "Fraction", "OfferOptions", "Tag", "SDES"})
"""The record types that may come in; another name is unknown to the server."""
