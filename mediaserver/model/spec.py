"""Class specification: what `create`, `invoke` and `subscribe` may name on a class (protocol 9)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mediaserver.model.types import Type


class _Required:
    """The default of an argument that has none."""


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor or operation; optional when it has a default."""

    name: str
    type: Type
    default: Any = REQUIRED


@dataclass(frozen=True)
class Operation:
    """A method that `invoke` finds by name."""

    name: str
    arguments: tuple[Argument, ...] = ()

    @property
    def attribute(self) -> str:
        """The Python method that does it."""
        return snake(self.name)


@dataclass(frozen=True)
class Property:
    """A value reached by getX and, when it is writable, setX; with a default it is merely stored."""

    name: str
    type: Type | None = None
    default: Any = REQUIRED
    attribute: str = ""
    writable: bool = False

    @property
    def stored(self) -> bool:
        """Whether the object keeps it as a plain value."""
        return self.default is not REQUIRED


@dataclass(frozen=True)
class ClassSpec:
    """A class of the protocol; everything of its bases is its own as well."""

    name: str
    base: "ClassSpec | None" = None
    abstract: bool = False
    constructor: tuple[Argument, ...] = ()
    properties: tuple[Property, ...] = ()
    operations: tuple[Operation, ...] = ()
    events: frozenset[str] = field(default_factory=frozenset)

    def lineage(self) -> Iterator["ClassSpec"]:
        """Yield this class, then its bases, nearest first."""
        spec: ClassSpec | None = self
        while spec is not None:
            yield spec
            spec = spec.base

    def is_a(self, name: str) -> bool:
        """Whether this is the class of that name or derives from it."""
        return any(spec.name == name for spec in self.lineage())

    def has_event(self, name: str) -> bool:
        """Whether objects of this class raise the event."""
        return any(name in spec.events for spec in self.lineage())

    def operation(self, name: str) -> Operation | None:
        """Find a method by its wire name."""
        return next((o for spec in self.lineage() for o in spec.operations if o.name == name), None)

    def all_properties(self) -> Iterator[Property]:
        """Yield every property, inherited ones included."""
        for spec in self.lineage():
            yield from spec.properties

    def accessor(self, name: str) -> Property | None:
        """Find the property behind a getX or setX; the first letter alone is upper-cased (protocol 3.4)."""
        return next((p for p in self.all_properties() if p.name[:1].upper() + p.name[1:] == name[3:]), None)


def snake(name: str) -> str:
    """Spell a wire name as Python does."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
