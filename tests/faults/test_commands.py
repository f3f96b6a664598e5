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
    Run,
    crash_at_points,
    runs,
)
from testkit.servers.servers import Servers

pytestmark = pytest.mark.timeout(SECONDS)
every_command = pytest.mark.parametrize("run", runs(COMMANDS), ids=str)


@every_command
async def test_a_wrapper_that_dies_leaves_its_command_to_another(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, KILLED, known)


@every_command
async def test_what_an_answered_command_owes_outlives_its_wrapper(
    servers: Servers, known: CallCounts, run: Run
) -> None:
    await _hit(servers, run, KILLED_ANSWERED, known)


@pytest.mark.parametrize("run", runs(OFFERS), ids=str)
async def test_an_offer_that_is_given_up_leaves_nothing(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, DEAD_LETTERED, known)


@pytest.mark.long
@every_command
async def test_a_wrapper_that_wakes_up_late_does_no_harm(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, PAUSED, known)


@pytest.mark.long
@every_command
async def test_a_call_that_fails_without_its_effect_is_made_again(
    servers: Servers, known: CallCounts, run: Run
) -> None:
    await _hit(servers, run, SEVERED_BEFORE, known)


@every_command
async def test_a_call_that_fails_with_its_effect_is_done_once(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, SEVERED_AFTER, known)


async def _hit(servers: Servers, run: Run, mode: CrashMode, known: CallCounts) -> None:
    await crash_at_points(servers, run, COMMANDS, mode, known)
