"""What the tests of one file learn for each other."""

import pytest

from testkit.crashes.crash_modes import CallCounts


@pytest.fixture(scope="module")
def known() -> CallCounts:
    """The calls of each scenario, once one way of being hit has counted them."""
    return {}
