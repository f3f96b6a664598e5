"""Repairs, cuts and deletions of logs, their wrapper dying, pausing or being cut off at each call that they make."""

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
)
from testkit.crashes.log_sweep_scenarios import LOG_SWEEP_SCENARIOS
from testkit.servers.servers import Servers

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(SECONDS),
    pytest.mark.parametrize("run", log_runs(LOG_SWEEP_SCENARIOS), ids=str),
]


@pytest.mark.parametrize("mode", [KILLED, PAUSED, SEVERED_BEFORE, SEVERED_AFTER], ids=lambda mode: mode.how)
async def test_what_is_repaired_of_a_log_comes_to_the_same(
    servers: Servers, known: CallCounts, run: Run, mode: CrashMode
) -> None:
    await crash_at_points(servers, run, LOG_SWEEP_SCENARIOS, mode, known)
