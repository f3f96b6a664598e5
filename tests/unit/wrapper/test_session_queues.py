"""What becomes of a session when its queue cannot be listened to."""

from typing import Any, cast

import pytest

from callplane.bus.ports import StillOpen
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from wrapper.monitoring.metrics import Metrics
from wrapper.session_queues import SessionQueues

S = SessionId("s")


class Store:
    """Sessions of which one is open or not, and what is owed."""

    def __init__(self, epoch: int | None) -> None:
        self.epoch = epoch
        self.owed: list[str] = []

    async def epoch_of_open(self, _: str) -> int | None:
        """Its epoch; None when it is closed."""
        return self.epoch

    async def owe_deletion(self, session: str) -> None:
        """Note it."""
        self.owed.append(session)


class Broker:
    """A listener whose queues fail as they are told."""

    def __init__(self, trouble: Exception | None) -> None:
        self.trouble = trouble
        self.unlistened: list[str] = []

    async def listen(self, _: SessionId, still: StillOpen) -> bool:
        """Fail, or ask."""
        if self.trouble is not None:
            raise self.trouble
        return await still()

    async def unlisten(self, session: SessionId) -> None:
        """Note it."""
        self.unlistened.append(session)


@pytest.mark.parametrize(
    "trouble", [None, Trouble("deleted meanwhile"), NodeDown("down"), Unavailable("away")], ids=repr
)
@pytest.mark.parametrize("epoch", [1, None])
async def test_nothing_that_a_queue_does_ends_a_wrapper(trouble: Exception | None, epoch: int | None) -> None:
    """What was declared of a closed session is owed a deletion, unless the broker is away: the list asks again."""
    store, broker = Store(epoch), Broker(trouble)
    listening = SessionQueues(cast(Any, None), cast(Any, store), lambda *_: None, Metrics())
    listening.listener = cast(Any, broker)
    await listening.listen(S)
    expected = [S] if epoch is None and not isinstance(trouble, Unavailable) else []
    assert (store.owed, broker.unlistened) == (expected, expected)
