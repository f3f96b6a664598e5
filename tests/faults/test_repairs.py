"""Sweeps and adoption, their wrapper dying, pausing or being cut off at each call that they make to the outside."""

import pytest

from testkit.crashes.crash_modes import (
    KILLED,
    PAUSED,
    SECONDS,
    SEVERED_AFTER,
    SEVERED_BEFORE,
    Known,
    Mode,
    hit,
    named,
    runs,
)
from testkit.crashes.server_sweep_scenarios import ROUNDS
from testkit.crashes.sweep_scenarios import REPAIRS
from testkit.servers.servers import Servers

SCENES = {**REPAIRS, **ROUNDS}

pytestmark = [pytest.mark.timeout(SECONDS), pytest.mark.parametrize("names", runs(SCENES), ids=named)]


async def test_what_a_dying_wrapper_was_repairing_is_repaired(servers: Servers, known: Known, names: list[str]) -> None:
    await _hit(servers, names, KILLED, known)


async def test_a_wrapper_that_wakes_up_in_a_repair_does_no_harm(
    servers: Servers, known: Known, names: list[str]
) -> None:
    await _hit(servers, names, PAUSED, known)


async def test_a_repair_that_is_cut_off_before_a_call_is_done_later(
    servers: Servers, known: Known, names: list[str]
) -> None:
    await _hit(servers, names, SEVERED_BEFORE, known)


async def test_a_repair_that_is_cut_off_after_a_call_is_done_later(
    servers: Servers, known: Known, names: list[str]
) -> None:
    await _hit(servers, names, SEVERED_AFTER, known)


async def _hit(servers: Servers, names: list[str], mode: Mode, known: Known) -> None:
    await hit(servers, {name: SCENES[name] for name in names}, mode, known)
