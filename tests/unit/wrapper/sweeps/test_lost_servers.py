"""Sessions of a lost media server: shared among the living, and none is left where one of them does nothing."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.contracts.errors import Trouble
from callplane.contracts.ids import SessionId
from callplane.store.media_servers import MediaServerDocument
from wrapper.sweeps import lost_servers as module
from wrapper.sweeps.lost_servers import LostServers

COUNT = 300


class Store:
    """Sessions that are lost, and who has said so of each."""

    def __init__(self, alive: set[str], server: MediaServerDocument) -> None:
        self.lost = {SessionId(f"session {number}") for number in range(COUNT)}
        self.by: dict[str, list[str]] = {}
        self.tried = 0
        self.lives: set[bool] = set()
        self.broken: set[str] = set()
        self._alive = alive
        self._server = server

    async def all(self) -> list[MediaServerDocument]:
        return [self._server]

    async def alive(self) -> frozenset[str]:
        return frozenset(self._alive)

    async def make_due(self, _: Any) -> None:
        return None

    async def ids_on_servers_lost(self, _: Any) -> list[SessionId]:
        return sorted(self.lost)

    async def on_servers_lost(self, _: Any, limit: int, *, among: list[SessionId]) -> list[Any]:
        assert len(among) <= limit
        return [SimpleNamespace(id=id_, server="k", server_id="p") for id_ in among if id_ in self.lost]


def wrapper(name: str, store: Store) -> LostServers:
    """One of the wrappers on that store."""

    async def lose(session: Any, reason: str, *, pipeline_lives: bool, slack: float) -> None:
        store.tried += 1
        store.lives.add(pipeline_lives)
        await asyncio.sleep(0)
        if session.id in store.broken:
            raise Trouble("of this session")
        if session.id in store.lost:
            store.lost.remove(session.id)
            store.by.setdefault(name, []).append(session.id)
        assert (reason, slack) == ("media-server-lost", module.SLACK_SECONDS)

    fakes = SimpleNamespace(servers=store, sessions=store, wrappers=store, media=SimpleNamespace(lose=lose))
    metrics = SimpleNamespace(sweep_failed=lambda _: None)
    follow_ups = SimpleNamespace(schedule=lambda _: None)
    return LostServers(cast(Any, SimpleNamespace(wrapper=name, store=fakes, metrics=metrics, follow_ups=follow_ups)))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OTHERS_SECONDS", 0.05)


DOWN = MediaServerDocument(_id="k", url="ws://k/", state="down")


async def test_each_loses_its_own_and_nothing_is_tried_twice() -> None:
    store = Store({"a", "b", "c"}, DOWN)
    await asyncio.gather(*(wrapper(name, store).sweep() for name in "abc"))
    assert store.lost == set()
    assert {name: len(store.by[name]) > COUNT / 6 for name in "abc"} == dict.fromkeys("abc", True)
    assert store.tried == COUNT


@pytest.mark.parametrize(
    "alive", [{"a", "b", "c"}, {"b", "c"}, {"a"}, set()], ids=lambda names: "+".join(sorted(names)) or "nobody"
)
async def test_none_is_left_where_the_others_do_nothing(alive: set[str]) -> None:
    """They died with the server, are paused, or have not heard; or we ourselves do not count as living."""
    store = Store(alive, DOWN)
    await wrapper("a", store).sweep()
    assert store.lost == set()
    assert len(store.by["a"]) == COUNT


async def test_one_that_cannot_be_lost_stops_no_other_and_ends_the_round() -> None:
    store = Store({"a", "b"}, DOWN)
    store.broken = {SessionId("session 7"), SessionId("session 8")}
    async with asyncio.timeout(5):
        await wrapper("a", store).sweep()
    assert store.lost == store.broken


@pytest.mark.parametrize(
    ("server", "lives"),
    [
        (DOWN.model_copy(update={"server_id": "p"}), True),
        (DOWN, False),
        (DOWN.model_copy(update={"state": "up", "server_id": "q"}), False),
        (DOWN.model_copy(update={"name": "another"}), False),
    ],
    ids=["silent", "gone", "another process", "removed"],
)
async def test_a_release_is_owed_only_where_the_process_may_wake_up(server: MediaServerDocument, lives: bool) -> None:
    store = Store({"a"}, server)
    await wrapper("a", store).sweep()
    assert store.lives == {lives}
