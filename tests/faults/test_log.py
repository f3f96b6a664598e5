"""Appends to logs, their wrapper dying, pausing or being cut off at a read or an insert within one."""

import pytest

from testkit.crashes.command_scenarios import COMMANDS
from testkit.crashes.crash_modes import KILLED, PAUSED, SECONDS, SEVERED_AFTER, SEVERED_BEFORE, crash_in_appends
from testkit.crashes.sweep_scenarios import SWEEP_SCENARIOS
from testkit.servers.servers import Servers

pytestmark = pytest.mark.timeout(SECONDS)

SCENARIOS = {name: (COMMANDS | SWEEP_SCENARIOS)[name] for name in ("join", "leave", "publish", "owed", "tombstone")}
"""An event behind others, several in a row, what is told to one seat, what a dead wrapper owed, and the end."""


@pytest.mark.long
async def test_what_is_appended_stands_in_its_log_once_and_in_order(servers: Servers) -> None:
    await crash_in_appends(servers, SCENARIOS, (KILLED, PAUSED, SEVERED_BEFORE, SEVERED_AFTER))
