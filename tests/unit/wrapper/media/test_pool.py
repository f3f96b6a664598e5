"""The pool's sockets as the documents say, and what is told when the database is away in between."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

import pytest

from callplane.contracts.errors import Unavailable
from callplane.store.media_servers import MediaServerDocument
from testkit.servers.until import until
from wrapper.media import pool as module
from wrapper.media.pool import Pool
from wrapper.media.server import ServerCallbacks

NOWHERE = "ws://127.0.0.1:1/kurento"


class Documents:
    """A pool of media servers that nobody reaches."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    async def all(self) -> list[MediaServerDocument]:
        """Those that were not removed."""
        return [MediaServerDocument(_id=name, url=NOWHERE) for name in self.names]

    async def mark_unreached(self, _name: str, _wrapper: str, *, refused: bool) -> bool:
        """It stays so."""
        return not refused


async def _nothing(*_: Any) -> None:
    return None


async def _kept(pool: Pool, names: set[str]) -> bool:
    return set(pool.servers) == names


def _untimed(_operation: str) -> AbstractContextManager[None]:
    return nullcontext()


async def test_that_one_is_gone_is_told_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    told: list[str] = []
    heard = asyncio.Event()

    async def gone(name: str) -> None:
        told.append(name)
        if len(told) < 3:
            raise Unavailable("the database does not answer")
        heard.set()

    documents = Documents("a", "b")
    pool = Pool("w", cast(Any, documents), _untimed)
    callbacks = ServerCallbacks(_nothing, _nothing, _nothing, _nothing, gone)
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        running = group.create_task(pool.run(callbacks))
        await until(partial(_kept, pool, {"a", "b"}))
        documents.names.remove("a")
        await heard.wait()
        assert (told, set(pool.servers)) == (["a"] * 3, {"b"})
        await asyncio.sleep(0.05)
        assert len(told) == 3
        running.cancel()


async def test_a_pool_that_is_run_again_has_its_sockets_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    documents = Documents("a")
    pool = Pool("w", cast(Any, documents), _untimed)
    callbacks = ServerCallbacks(_nothing, _nothing, _nothing, _nothing, _nothing)
    for _ in range(2):
        async with asyncio.TaskGroup() as group, asyncio.timeout(5):
            running = group.create_task(pool.run(callbacks))
            await until(partial(_kept, pool, {"a"}))
            running.cancel()
