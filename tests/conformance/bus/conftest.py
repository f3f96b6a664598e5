"""Either bus, for one suite; where commands are sent, also by shards."""

import pytest

from testkit.inprocess import bus
from testkit.inprocess.bus import Corner, MemoryCorner, RabbitCorner


@pytest.fixture(params=["memory", "rabbitmq"])
def corner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Corner:
    """A broker of the test's own; the bus's name may be followed by ``-sharded``."""
    kind, _, sharded = request.param.partition("-")
    if sharded:
        monkeypatch.setattr(bus, "PUBLISHED", "sharded")
    if kind == "memory":
        return MemoryCorner(shards=bool(sharded))
    return RabbitCorner(request.getfixturevalue("broker_url"), shards=bool(sharded))
