"""The blocking client is what the asyncio client says now."""

import inspect
import runpy

import pytest

from callplane_client import (
    AsyncCallplane,
    AsyncEventStream,
    AsyncMessages,
    AsyncSeat,
    Callplane,
    EventStream,
    Messages,
    Seat,
)
from testkit.deploy.manifests import ROOT

SCRIPT = runpy.run_path(str(ROOT / "docs/make_blocking_client.py"))


@pytest.mark.parametrize("name", SCRIPT["names"]())
def test_a_module_is_up_to_date(name: str) -> None:
    assert (ROOT / "callplane_client/blocking" / name).read_text() == SCRIPT["made"](name), (
        "make it again: python docs/make_blocking_client.py"
    )


def test_nothing_else_lies_beside_them() -> None:
    found = {path.name for path in (ROOT / "callplane_client/blocking").glob("*.py")}
    assert found == {*SCRIPT["names"](), *SCRIPT["BY_HAND"]}


@pytest.mark.parametrize(
    ("blocking", "aio"),
    [(Callplane, AsyncCallplane), (Seat, AsyncSeat), (Messages, AsyncMessages), (EventStream, AsyncEventStream)],
)
def test_both_have_the_same_methods_and_only_one_waits(blocking: type, aio: type) -> None:
    def public(of: type) -> set[str]:
        return {name.removeprefix("a") if name == "aclose" else name for name in vars(of) if not name.startswith("_")}

    assert public(blocking) == public(aio)
    assert [name for name, member in vars(blocking).items() if inspect.iscoroutinefunction(member)] == []
