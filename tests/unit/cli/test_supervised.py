"""Supervised servers: who is killed on purpose starts again, with a back-off, and is told apart from who died."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.telemetry.failures import leaves
from cli import supervised
from cli.children import Children
from cli.machine.errors import CannotStart
from cli.machine.process import Process
from cli.supervised import About, ChildDied
from testkit.servers.until import until

ABOUT = About("media-server", "the media server", "Pictures stop.")


class FakeProcess:
    """One that ends when it is told to."""

    def __init__(self) -> None:
        self.command = SimpleNamespace(name="media server")
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ended(self) -> int:
        """Its status, once it has one."""
        return await asyncio.shield(self.status)

    def last_words(self) -> str:
        """What it said."""
        return "the disk is full"


class FakeServer:
    """One process at a time; so many starts fail first."""

    def __init__(self, failing: int = 0) -> None:
        self.lives = [FakeProcess()]
        self.failing = failing

    @property
    def processes(self) -> list[Process]:
        """The last one."""
        return [cast(Process, self.lives[-1])]

    async def start(self) -> None:
        """Another process, or none."""
        if self.failing:
            self.failing -= 1
            raise CannotStart("the port is taken")
        self.lives.append(FakeProcess())

    async def kill(self) -> None:
        """End the last one."""
        if not self.lives[-1].status.done():
            self.lives[-1].status.set_result(-signal.SIGKILL)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits here."""
    monkeypatch.setattr(supervised, "AWAY", 0.0)
    monkeypatch.setattr(supervised, "BACK_OFF", (0.0, 0.0))


@asynccontextmanager
async def watched(children: Children) -> AsyncIterator["asyncio.Task[Any]"]:
    """The watch for the block, which is over when the block is."""
    async with asyncio.TaskGroup() as group:

        async def watch() -> list[str]:
            said: list[str] = []
            try:
                await children.first_death()
            except* ChildDied as died:
                said.extend(str(leaf) for leaf in leaves(died))
            return said

        task = group.create_task(watch())
        yield task
        task.cancel()


async def becomes(look: Callable[[], bool]) -> None:
    """Wait until it is so."""

    async def looked() -> bool:
        return look()

    await until(looked)


async def words_of(task: "asyncio.Task[Any]") -> list[str]:
    """What the end of a watch says."""
    async with asyncio.timeout(5):
        return cast("list[str]", await task)


async def test_what_is_killed_on_purpose_starts_again_as_often_as_it_is_asked() -> None:
    said: list[str] = []
    server, children = FakeServer(), Children(said.append)
    children.supervise(ABOUT, server)
    [one] = children.supervised
    async with watched(children) as watch:
        for life in (1, 2):
            await becomes(lambda: one.state == "up")
            assert one.kill()
            assert (one.state, one.kill(), one.start()) == ("down", False, False)
            await becomes(lambda: one.state == "up")
            assert len(server.lives) == life + 1
            assert server.lives[-2].status.result() == -signal.SIGKILL
            assert not server.lives[-1].status.done()
            assert one.away_seconds is not None
        assert not watch.done()
    told = [line.partition(",")[0].partition(" after")[0] for line in said]
    assert told == ["The media server is killed", "The media server is back"] * 2


async def test_an_end_that_nobody_asked_for_ends_everything() -> None:
    server, children = FakeServer(), Children(lambda _: None)
    children.supervise(ABOUT, server)
    async with watched(children) as watch:
        await asyncio.sleep(0)
        server.lives[-1].status.set_result(3)
        assert await words_of(watch) == ["media server ended with status 3: stopping everything (the disk is full)"]
    assert len(server.lives) == 1


async def test_so_does_one_of_what_may_never_be_killed_while_another_is_away() -> None:
    mongod, server, children = FakeProcess(), FakeServer(failing=1), Children(lambda _: None)
    children.own(cast(Process, mongod))
    children.supervise(ABOUT, server)
    async with watched(children) as watch:
        await asyncio.sleep(0)
        children.supervised[0].kill()
        mongod.status.set_result(-signal.SIGSEGV)
        assert await words_of(watch) == ["media server was ended by SIGSEGV: stopping everything"]


@pytest.mark.parametrize(("failing", "comes"), [(2, True), (3, False)])
async def test_what_does_not_start_is_tried_again_so_many_times(failing: int, comes: bool) -> None:
    said: list[str] = []
    server, children = FakeServer(failing), Children(said.append)
    children.supervise(ABOUT, server)
    [one] = children.supervised
    async with watched(children) as watch:
        await asyncio.sleep(0)
        one.kill()
        if comes:
            await becomes(lambda: one.state == "up")
        else:
            wanted = "the media server did not start in 3 tries: stopping everything (the port is taken)"
            assert await words_of(watch) == [wanted]
    assert sum("the next try is in 0 s" in line for line in said) == 2


async def test_what_is_off_is_started_by_who_asks_and_watched_from_then_on() -> None:
    server, children = FakeServer(), Children(lambda _: None)
    children.supervise(ABOUT, server, started=False)
    [one] = children.supervised
    async with watched(children) as watch:
        await asyncio.sleep(0)
        assert (one.state, one.kill(), one.away_seconds, len(server.lives)) == ("off", False, None, 1)
        assert one.start()
        assert not one.start()
        await becomes(lambda: one.state == "up")
        assert (len(server.lives), one.away_seconds) == (2, None)
        await asyncio.sleep(0)
        server.lives[-1].status.set_result(1)
        assert len(await words_of(watch)) == 1


async def test_a_stop_while_one_is_away_is_a_stop() -> None:
    server, children = FakeServer(), Children(lambda _: None)
    children.supervise(ABOUT, server)
    watch = asyncio.create_task(children.first_death())
    await asyncio.sleep(0)
    children.supervised[0].kill()
    await asyncio.sleep(0)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    assert watch.cancelled()
