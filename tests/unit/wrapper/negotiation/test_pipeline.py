"""Where a pipeline is made when a media server that was chosen for it makes none."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.contracts.errors import Trouble
from callplane.contracts.media import MediaRef
from callplane.store.placements import Candidate
from wrapper.media.port import SlotsTaken, Unreached
from wrapper.negotiation.pipeline import pipeline_of


class Servers:
    """A pool, in the order in which its servers are chosen; writes down what is said of each."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.said: list[tuple[str, str]] = []

    async def reserve(self, _former: str | None, among: frozenset[str]) -> tuple[Candidate, str] | None:
        for name in self.names:
            if name in among and ("avoid", name) not in self.said:
                return Candidate(_id=name), "because"
        return None

    async def unreserve(self, name: str) -> None:
        self.said.append(("unreserve", name))

    async def avoid(self, name: str) -> None:
        self.said.append(("avoid", name))

    async def find_available(self) -> str | None:
        return None


def context_of(servers: Servers, failing: dict[str, Exception]) -> Any:
    """Whose media servers fail like this; the others make what they are asked for."""

    async def create_pipeline(server: str, *_: Any) -> MediaRef:
        if server in failing:
            raise failing[server]
        return MediaRef(server, "pipeline")

    async def place(_session: str, _epoch: int, media: MediaRef, *_: str) -> Any:
        return SimpleNamespace(document=SimpleNamespace(media=media))

    media = SimpleNamespace(create_pipeline=create_pipeline, reached=lambda: frozenset(servers.names))
    store = SimpleNamespace(servers=servers, media=SimpleNamespace(place=place))
    metrics = SimpleNamespace(placed=lambda _: None)
    return SimpleNamespace(store=store, media=media, metrics=metrics, follow_ups=SimpleNamespace(schedule=lambda _: 0))


SESSION = cast(Any, SimpleNamespace(id="s", epoch=1, media=None, server="a"))


@pytest.mark.parametrize("failure", [Trouble("no memory"), SlotsTaken("a")], ids=["refused", "hangs"])
async def test_another_server_is_asked_at_once_and_the_first_is_avoided(failure: Exception) -> None:
    servers = Servers("a", "b")
    placed = await pipeline_of(SESSION, context_of(servers, {"a": failure}))
    assert placed.media == MediaRef("b", "pipeline")
    assert servers.said == [("unreserve", "a"), ("avoid", "a")]


async def test_one_that_is_not_reached_is_no_reason_to_avoid_it() -> None:
    servers = Servers("a", "b")
    placed = await pipeline_of(SESSION, context_of(servers, {"a": Unreached("a")}))
    assert placed.media == MediaRef("b", "pipeline")
    assert servers.said == [("unreserve", "a")]


async def test_where_all_refuse_the_first_refusal_is_what_is_told() -> None:
    servers = Servers("a", "b")
    failures: dict[str, Exception] = {name: Trouble(f"{name} has no memory") for name in "ab"}
    with pytest.raises(Trouble, match="a has no memory"):
        await pipeline_of(SESSION, context_of(servers, failures))
    assert servers.said == [(what, name) for name in "ab" for what in ("unreserve", "avoid")]
