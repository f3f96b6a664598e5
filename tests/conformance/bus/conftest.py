"""Either bus, for one suite."""

import pytest

from testkit.inprocess.bus import Corner, MemoryCorner, RabbitCorner


@pytest.fixture(params=["memory", "rabbitmq"])
def corner(request: pytest.FixtureRequest) -> Corner:
    """A broker of the test's own."""
    if request.param == "memory":
        return MemoryCorner()
    return RabbitCorner(request.getfixturevalue("broker_url"))
