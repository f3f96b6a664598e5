"""Finding and calling operations."""

from typing import Any, ClassVar

import pytest

from kurento_client.jsonrpc import JsonRpcError
from mediaserver.model.invoke import invoke, read_arguments, written
from mediaserver.model.spec import Argument, ClassSpec, Operation, Property
from mediaserver.model.types import INT, STRING


class Nothing:
    """An object table that is empty."""

    def get(self, object_id: str) -> Any:
        """Find nothing."""
        raise LookupError(object_id)


class Thing:
    """An object with a bit of everything."""

    spec: ClassVar[ClassSpec] = ClassSpec(
        "Thing",
        operations=(Operation("addUp", (Argument("a", INT), Argument("b", INT, 10))), Operation("notThere")),
        properties=(
            Property("kept", INT, 5, writable=True),
            Property("made", attribute="made"),
            Property("tried", STRING, attribute="tried", writable=True),
        ),
    )

    def __init__(self) -> None:
        self.id = "thing"
        self.values: dict[str, Any] = {}
        self.tried = ""

    @property
    def made(self) -> list[Any]:
        """A list with an object in it."""
        return [self, {}]

    async def add_up(self, a: int, b: int) -> int:
        """Add, later."""
        return a + b


async def test_operations_and_properties() -> None:
    thing = Thing()
    assert await invoke(thing, "addUp", {"a": 1}, Nothing()) == 11
    assert await invoke(thing, "addUp", {"a": 1, "b": 2}, Nothing()) == 3
    assert await invoke(thing, "getKept", None, Nothing()) == 5
    assert await invoke(thing, "setKept", {"kept": 6}, Nothing()) is None
    assert await invoke(thing, "getKept", "no object", Nothing()) == 6
    assert await invoke(thing, "getMade", {}, Nothing()) == ["thing", None]
    await invoke(thing, "setTried", {"tried": 7}, Nothing())
    assert thing.tried == "7"


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("addUp", {}, 40001),
        ("notThere", {}, 40006),
        ("setMade", {"made": 1}, 40008),
        ("getNothing", {}, 40008),
        ("kept", {}, 40008),
    ],
)
async def test_refusals(name: str, given: dict[str, Any], code: int) -> None:
    with pytest.raises(JsonRpcError) as refused:
        await invoke(Thing(), name, given, Nothing())
    assert refused.value.code == code


def test_the_prefix_rule() -> None:
    arguments = (Argument("a", INT, 1), Argument("b", INT, 2), Argument("c", INT, 3))
    assert read_arguments(arguments, {"b": 20, "c": 30}, Nothing()) == {"a": 1, "b": 2, "c": 3}
    assert read_arguments(arguments, {"a": 10, "c": 30}, Nothing()) == {"a": 10, "b": 2, "c": 3}


def test_an_empty_map_is_null_and_an_empty_list_is_not() -> None:
    assert written({}) is None
    assert written([]) == []
