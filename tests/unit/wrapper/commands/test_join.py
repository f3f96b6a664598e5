"""A mailbox is bound to what the creation has declared: that is made again only for a session that is open."""

from typing import Any, cast

import pytest

from callplane.contracts.errors import NodeDown, Trouble
from callplane.contracts.ids import ParticipantId, SessionId
from wrapper.commands.join import _open_mailbox
from wrapper.context import Context

S, ANN = SessionId("s"), ParticipantId("ann")


class Broker:
    """A topology whose exchange is there or not."""

    def __init__(self, why_not: Trouble | None) -> None:
        self.why_not = why_not
        self.asked: list[str] = []

    async def open_mailbox(self, _: SessionId, __: ParticipantId) -> None:
        """Bind it, if that can be."""
        self.asked.append("mailbox")
        if self.why_not is not None:
            raise self.why_not

    async def open_session(self, _: SessionId) -> None:
        """Declare what it is bound to."""
        self.asked.append("session")
        self.why_not = None


class Store:
    """One session, open or not."""

    def __init__(self, epoch: int | None) -> None:
        self.sessions = self
        self.epoch = epoch

    async def epoch_of_open(self, _: SessionId) -> int | None:
        """Its epoch; None: it is closed."""
        return self.epoch


class Given:
    """What a handler has of a wrapper."""

    def __init__(self, broker: Broker, epoch: int | None) -> None:
        self.topology = broker
        self.store = Store(epoch)


@pytest.mark.parametrize(
    ("why_not", "epoch", "asked"),
    [
        (None, 1, ["mailbox"]),
        (Trouble("not found"), 1, ["mailbox", "session", "mailbox"]),
        (Trouble("not found"), None, ["mailbox"]),
    ],
    ids=["there", "lost by the broker", "deleted with its session"],
)
async def test_what_it_is_bound_to_comes_back_with_an_open_session_alone(
    why_not: Trouble | None, epoch: int | None, asked: list[str]
) -> None:
    broker = Broker(why_not)
    await _open_mailbox(S, ANN, cast(Context, cast(Any, Given(broker, epoch))))
    assert broker.asked == asked


async def test_a_node_that_is_down_has_lost_nothing() -> None:
    broker = Broker(NodeDown("down"))
    with pytest.raises(NodeDown):
        await _open_mailbox(S, ANN, cast(Context, cast(Any, Given(broker, 1))))
    assert broker.asked == ["mailbox"]
