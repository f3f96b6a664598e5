"""The surface of the Python SDK: what it promises its users, line by line; a line that goes is a break."""

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import callplane_client
from callplane_client import fields, media, shapes, tokens, webhooks

FILE = Path(__file__).with_name("surface.txt")
"""Write it anew with ``python -m tests.unit.callplane_client.test_surface``, and a line of CHANGELOG for what goes."""

AREAS = ("sessions", "participants", "bans", "tokens", "presence", "signals", "chat", "state", "webhooks", "events")


def surface() -> list[str]:
    """Every public name, with what it takes and gives."""
    lines: list[str] = []
    for name in callplane_client.__all__:
        lines += members(name, getattr(callplane_client, name))
    client = callplane_client.AsyncCallplane("http://calls.test")
    for area in AREAS:
        lines += members(f"AsyncCallplane.{area}", type(getattr(client, area)))
    for name in media.__all__:
        one = getattr(media, name)
        where = f"callplane_client.media.{name}"
        lines += members(where, one) if inspect.isclass(one) else [f"{where}{taken(one)}"]
    for module in (fields, shapes, tokens, webhooks):
        lines += of_module(module)
    return sorted(set(lines))


def of_module(module: ModuleType) -> list[str]:
    """Its functions, its classes, and the fields of those that are made of fields."""
    lines: list[str] = []
    where = module.__name__
    for name, one in vars(module).items():
        if name.startswith("_") or getattr(one, "__module__", "") != where:
            continue
        if inspect.isfunction(one):
            lines.append(f"{where}.{name}{taken(one)}")
        elif typing.is_typeddict(one) or hasattr(one, "model_fields"):
            lines += [f"{where}.{name}.{field}" for field in inspect.get_annotations(one)]
        elif inspect.isclass(one):
            lines += members(f"{where}.{name}", one)
    return lines


def members(name: str, of: type) -> list[str]:
    """A class with its methods and properties."""
    lines = [f"{name}{taken(of)}" if "__init__" in vars(of) else name]
    for key, member in inspect.getmembers(of):
        if not _is_ours(member):
            continue  # what a class has of aiortc
        if not key.startswith("_") and (inspect.isfunction(member) or inspect.ismethod(member)):
            lines.append(f"{name}.{key}{taken(member)}")
        elif not key.startswith("_") and isinstance(member, property):
            lines.append(f"{name}.{key}")
    return lines


def _is_ours(member: object) -> bool:
    where = getattr(member.fget if isinstance(member, property) else member, "__module__", None)
    return where is None or where.startswith("callplane_client")


def taken(of: Callable[..., Any]) -> str:
    """Its parameters with their defaults; types are for mypy, and are written otherwise by each Python."""
    bare = inspect.Parameter.empty
    parameters = [
        each.replace(annotation=bare, default=bare if each.default is bare else Default(each.default))
        for each in inspect.signature(of).parameters.values()
    ]
    return str(inspect.Signature(parameters))


class Default:
    """A default as it is written."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        return str(getattr(self._value, "__name__", None) or repr(self._value))


def test_the_surface_is_what_it_is_known_to_be() -> None:
    known, found = FILE.read_text().splitlines(), surface()
    assert [line for line in known if line not in found] == [], "this is gone: a break, for CHANGELOG"
    assert [line for line in found if line not in known] == [], "this is new: write the file anew"


if __name__ == "__main__":
    FILE.write_text("\n".join(surface()) + "\n")
