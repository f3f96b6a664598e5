"""Decoding of answers: each function takes what the server sent and returns what it should be, or raises."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from kurento_client.errors import unexpected

T = TypeVar("T")


def text(value: Any) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise unexpected("a string", value)
    return value


def integer(value: Any) -> int:
    """Read an integer; the decimal strings of `timestampMillis` count (protocol 2.6)."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise unexpected("an integer", value)
    return value


def real(value: Any) -> float:
    """Read a number; Kurento's are single precision widened (0.04 comes as 0.0399999991, protocol 2.6)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unexpected("a number", value)
    return float(value)


def flag(value: Any) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise unexpected("a boolean", value)
    return value


def record(value: Any) -> Mapping[str, Any]:
    """Read a JSON object; unknown members are left for others."""
    if not isinstance(value, Mapping):
        raise unexpected("an object", value)
    return value


def text_or_none(value: Any) -> str | None:
    """Read a string that may be null."""
    return None if value is None else text(value)


def loose_text(value: Any) -> str:
    """Read what is a string in one place and a number in another, such as a stream's id (protocol 9.7)."""
    return text(str(value) if isinstance(value, int) else value)


def each(read: Callable[[Any], T], value: Any) -> tuple[T, ...]:
    """Read a list; null is an empty one (protocol 2.3)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise unexpected("a list", value)
    return tuple(read(item) for item in value)


def at(key: str, read: Callable[[Any], Any]) -> dict[str, Any]:
    """Describe a dataclass field, as its `metadata`: the member it comes from and how that is read."""
    return {"key": key, "read": read}


def fill(made: type[T], value: Any, **given: Any) -> T:
    """Make a dataclass whose fields are described by `at`; `given` are the fields that are not.

    A member that is absent leaves its field's default, and is an error where there is none.
    """
    members = record(value)
    for each_field in fields(made):  # type: ignore[arg-type]  # T is a dataclass, which typing cannot say
        key, read = each_field.metadata.get("key"), each_field.metadata.get("read")
        if key is None or read is None:
            continue
        if key in members or each_field.default is MISSING:
            given[each_field.name] = read(members.get(key))
    return made(**given)
