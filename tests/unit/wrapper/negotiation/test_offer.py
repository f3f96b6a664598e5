"""A claim that came with the offer: given back wherever it was not used, so that nobody waits for it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.store.connections import Wanted
from callplane.store.documents import ConnectionDocument
from wrapper.media.port import Unreached
from wrapper.negotiation import offer as module
from wrapper.negotiation.offer import Negotiation, Offer

WANTED = Wanted(ConnectionId("k"), SessionId("s"), ParticipantId("p"), "publish")
CONNECTION = ConnectionDocument(_id="k", session_id="s", participant_id="p", kind="publish", state="negotiating")


class Connections:
    """One that is offered; writes down which claims were given back."""

    def __init__(self, *, claimed: bool) -> None:
        self.claimed = claimed
        self.given_back: list[ConnectionDocument] = []

    async def offer_claimed(self, *_: Any) -> tuple[ConnectionDocument, bool]:
        return CONNECTION, self.claimed

    async def release_claim(self, claimed: ConnectionDocument, _wrapper: str) -> None:
        self.given_back.append(claimed)


async def given_back(monkeypatch: pytest.MonkeyPatch, failure: Exception, *, claimed: bool) -> list[Any]:
    """What is given back where the session's pipeline cannot be had like this."""

    async def fails(*_: Any) -> None:
        raise failure

    async def found(*_: Any) -> None:
        return None

    connections = Connections(claimed=claimed)
    context = SimpleNamespace(wrapper="w", store=SimpleNamespace(connections=connections))
    monkeypatch.setattr(module, "require_open_with_seats", found)
    monkeypatch.setattr(module, "require_seat", found)
    monkeypatch.setattr(module, "pipeline_of", fails)
    negotiation = Negotiation(cast(Any, None), WANTED, Offer("v=0"), cast(Any, context))
    with pytest.raises(type(failure)):
        await negotiation.run(lambda *_: None)
    return connections.given_back


@pytest.mark.parametrize("failure", [Trouble("of the server"), Unreached("k")], ids=["trouble", "unreached"])
async def test_a_claim_that_was_not_used_is_given_back(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """Another wrapper has the command next, and would wait for a claim of somebody living."""
    assert await given_back(monkeypatch, failure, claimed=True) == [CONNECTION]


async def test_a_claim_of_before_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await given_back(monkeypatch, Trouble("of the server"), claimed=False) == []
