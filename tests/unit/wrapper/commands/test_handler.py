"""A command that only others can do: how it gets to them depends on whether its queue is its session's own."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.bus.ports import Delivery
from callplane.contracts.commands import UpdateSession
from callplane.contracts.errors import Busy, Elsewhere
from testkit.inprocess.bus import command, session
from wrapper.commands import handler as module
from wrapper.commands.handler import handler
from wrapper.media.port import Unreached


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("others", [True, False])
async def test_what_others_reach_is_theirs(monkeypatch: pytest.MonkeyPatch, shared: bool, others: bool) -> None:
    """Before it is returned this wrapper takes no more of it; where nobody reaches it, it is trouble as any other."""
    done: list[str] = []

    async def unreached(*_: Any) -> None:
        raise Unreached("kms")

    async def reached_by_others(*_: str) -> bool:
        return others

    async def exclude(*which: str) -> None:
        done.append(f"excluded for {which[1]}")

    async def leave(server: str) -> None:
        done.append(f"left {server}")

    monkeypatch.setattr(module, "HANDLERS", {UpdateSession: unreached})
    servers = SimpleNamespace(reached_by_others=reached_by_others)
    context = cast(Any, SimpleNamespace(store=SimpleNamespace(servers=servers), wrapper="w"))
    expected = (Elsewhere if shared else Busy) if others else Unreached
    with pytest.raises(expected) as said:
        await handler(context, exclude, leave)(Delivery(command(session()), 1, last=False, shared=shared))
    assert type(said.value) is expected
    assert done == ([] if not others else ["left kms"] if shared else ["excluded for kms"])
