"""The order of the test files over the workers: what takes long begins first, what shares programs goes to one worker.

Without it the run ends with one worker in a long file and the others with nothing to do.
"""

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling

BROWSERS = "one Callplane, one Chromium"

TOGETHER = {
    "tests/e2e/test_call.py": BROWSERS,
    "tests/e2e/test_doors.py": BROWSERS,
    "tests/e2e/test_trouble.py": BROWSERS,
    "tests/e2e/test_firefox.py": BROWSERS,
    "tests/e2e/test_companion.py": BROWSERS,
    "tests/e2e/test_lobby.py": BROWSERS,
    "tests/e2e/test_looks.py": BROWSERS,
    "tests/e2e/test_chat.py": BROWSERS,
    "tests/e2e/test_console.py": BROWSERS,
}
"""Files whose fixtures of the session take seconds to start: on two workers they would be started twice."""

LONG = (
    *TOGETHER,
    "tests/conformance/mailboxes/test_doors.py",
    "tests/integration/cli/test_up.py",
    "tests/chaos/test_chaos.py",
    "tests/integration/wrapper/test_pool.py",
    "tests/faults/test_repairs.py",
    "tests/integration/wrapper/test_outages.py",
    "tests/integration/api/test_races.py",
    "tests/faults/test_commands.py",
    "tests/integration/mailboxes/test_streams.py",
    "tests/integration/test_loops.py",
    "tests/integration/cli/test_operating.py",
    "tests/integration/api/test_conformance.py",
    "tests/integration/mailboxes/test_deaths.py",
    "tests/integration/wrapper/test_faults.py",
    "tests/integration/wrapper/test_drops.py",
    "tests/unit/web/test_sdk.py",
    "tests/conformance/bus/test_outcomes.py",
    "tests/integration/hooks/test_sending.py",
    "tests/integration/bus/test_outages.py",
    "tests/integration/wrapper/test_monitor.py",
    "tests/integration/api/test_repeats.py",
)
"""Files that take longer than a quarter of a minute, the longest first."""


def rank(path: str) -> int:
    """When a file's turn comes: the long ones by their list, then what runs programs, then units."""
    if path in LONG:
        return LONG.index(path)
    return len(LONG) + path.startswith("tests/unit/")


class LongFilesFirst(LoadFileScheduling):
    """Files to workers in the order in which the tests were collected, companions as one."""

    def _split_scope(self, nodeid: str) -> str:
        path = str(super()._split_scope(nodeid))
        return TOGETHER.get(path, path)


def path_of(item: pytest.Item) -> str:
    """The file of a test, as the lists name it."""
    return item.nodeid.partition("::")[0]
