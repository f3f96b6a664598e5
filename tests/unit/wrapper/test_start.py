"""A start takes as long as it gets on, and is given up only when nothing moves any more."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.contracts.errors import Unavailable
from wrapper.app import Program

PATIENCE = 0.05


def program(progress: list[int], ready: asyncio.Event) -> Program:
    """One that has come so far each time that it is asked; at the end of the list it is ready."""

    def come() -> int:
        if len(progress) == 1:
            ready.set()
        return progress.pop(0)

    parts: list[Any] = [SimpleNamespace(ready=ready, declared=0, listening=lambda: range(come()))] * 7
    return Program("w", *cast(Any, parts))


async def test_a_start_that_gets_on_is_waited_for() -> None:
    ready = asyncio.Event()
    await program([0, 5, 5, 9, 9, 20], ready).started(PATIENCE)
    assert ready.is_set()


async def test_a_start_that_stands_still_is_given_up() -> None:
    with pytest.raises(Unavailable, match="no session was listened to"):
        await program([0, 5, 5, 5, 9], asyncio.Event()).started(PATIENCE)
