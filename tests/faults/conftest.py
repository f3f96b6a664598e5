"""What the tests of one file learn for each other."""

import pytest

from testkit.crashes.crash_modes import Known


@pytest.fixture(scope="module")
def known() -> Known:
    """The calls of each scene, once one way of being hit has counted them."""
    return {}
