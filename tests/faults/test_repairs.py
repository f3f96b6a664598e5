"""Sweeps and adoption, their wrapper dying, pausing or being cut off at each call that they make to the outside.

And what is repaired, cut and deleted of logs.
"""

import pytest

from testkit.crashes.crash_modes import (
    KILLED,
    PAUSED,
    SECONDS,
    SEVERED_AFTER,
    SEVERED_BEFORE,
    CallCounts,
    CrashMode,
    Run,
    crash_at_points,
    log_runs,
    runs,
)
from testkit.crashes.log_sweep_scenarios import LOG_SWEEP_SCENARIOS
from testkit.crashes.server_sweep_scenarios import SERVER_SWEEP_SCENARIOS
from testkit.crashes.sweep_scenarios import SWEEP_SCENARIOS
from testkit.servers.servers import Servers

SCENARIOS = {**SWEEP_SCENARIOS, **SERVER_SWEEP_SCENARIOS}

pytestmark = pytest.mark.timeout(SECONDS)
every_repair = pytest.mark.parametrize("run", runs(SCENARIOS), ids=str)
every_way = pytest.mark.parametrize("mode", [KILLED, PAUSED, SEVERED_BEFORE, SEVERED_AFTER], ids=lambda mode: mode.how)


@every_repair
async def test_what_a_dying_wrapper_was_repairing_is_repaired(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, KILLED, known)


@pytest.mark.long
@every_repair
async def test_a_wrapper_that_wakes_up_in_a_repair_does_no_harm(servers: Servers, known: CallCounts, run: Run) -> None:
    await _hit(servers, run, PAUSED, known)


@pytest.mark.long
@every_repair
async def test_a_repair_that_is_cut_off_before_a_call_is_done_later(
    servers: Servers, known: CallCounts, run: Run
) -> None:
    await _hit(servers, run, SEVERED_BEFORE, known)


@pytest.mark.long
@every_repair
async def test_a_repair_that_is_cut_off_after_a_call_is_done_later(
    servers: Servers, known: CallCounts, run: Run
) -> None:
    await _hit(servers, run, SEVERED_AFTER, known)


@pytest.mark.long
@every_way
@pytest.mark.parametrize("run", log_runs(LOG_SWEEP_SCENARIOS), ids=str)
async def test_what_is_repaired_of_a_log_comes_to_the_same(
    servers: Servers, known: CallCounts, run: Run, mode: CrashMode
) -> None:
    await crash_at_points(servers, run, LOG_SWEEP_SCENARIOS, mode, known)


async def _hit(servers: Servers, run: Run, mode: CrashMode, known: CallCounts) -> None:
    await crash_at_points(servers, run, SCENARIOS, mode, known)
