"""Every command, its wrapper dying, pausing or being cut off at each call that it makes to the outside."""

import pytest

from testkit.crashes.command_scenarios import COMMANDS, OFFERS
from testkit.crashes.crash_modes import (
    DEAD_LETTERED,
    KILLED,
    KILLED_ANSWERED,
    PAUSED,
    SECONDS,
    SEVERED_AFTER,
    SEVERED_BEFORE,
    CallCounts,
    CrashMode,
    crash_at_points,
    named,
    runs,
)
from testkit.servers.servers import Servers

pytestmark = pytest.mark.timeout(SECONDS)
every_command = pytest.mark.parametrize("names", runs(COMMANDS), ids=named)


@every_command
async def test_a_wrapper_that_dies_leaves_its_command_to_another(
    servers: Servers, known: CallCounts, names: list[str]
) -> None:
    await _hit(servers, names, KILLED, known)


@every_command
async def test_what_an_answered_command_owes_outlives_its_wrapper(
    servers: Servers, known: CallCounts, names: list[str]
) -> None:
    await _hit(servers, names, KILLED_ANSWERED, known)


@pytest.mark.parametrize("names", runs(OFFERS), ids=named)
async def test_an_offer_that_is_given_up_leaves_nothing(servers: Servers, known: CallCounts, names: list[str]) -> None:
    await _hit(servers, names, DEAD_LETTERED, known)


@every_command
async def test_a_wrapper_that_wakes_up_late_does_no_harm(servers: Servers, known: CallCounts, names: list[str]) -> None:
    await _hit(servers, names, PAUSED, known)


@every_command
async def test_a_call_that_fails_without_its_effect_is_made_again(
    servers: Servers, known: CallCounts, names: list[str]
) -> None:
    await _hit(servers, names, SEVERED_BEFORE, known)


@every_command
async def test_a_call_that_fails_with_its_effect_is_done_once(
    servers: Servers, known: CallCounts, names: list[str]
) -> None:
    await _hit(servers, names, SEVERED_AFTER, known)


async def _hit(servers: Servers, names: list[str], mode: CrashMode, known: CallCounts) -> None:
    await crash_at_points(servers, {name: COMMANDS[name] for name in names}, mode, known)
