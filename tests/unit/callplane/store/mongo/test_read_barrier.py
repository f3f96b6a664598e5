"""Read barrier: which reads are done again, and what is written for them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from callplane.store.mongo.read_barrier import SILENT_SECONDS, Primary, ReadBarrier

ONE, TWO = ("one", 1), ("two", 2)


@dataclass
class Server:
    """A primary as a client sees it, which counts what it is asked."""

    primary: Primary | None = ONE
    time: float = 100.0
    asked: list[str] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    """What the next writes raise."""
    elected: list[Primary] = field(default_factory=list)
    """Who becomes primary while the next reads are under way."""

    def __post_init__(self) -> None:
        self.barrier = ReadBarrier(lambda: self.primary, self.write, lambda: self.time)

    async def write(self) -> None:
        """Nothing."""
        self.asked.append("write")
        await asyncio.sleep(0)
        if self.broken:
            raise self.broken.pop()

    async def read(self) -> Primary | None:
        """Who answers."""
        self.asked.append("read")
        answering = self.primary
        await asyncio.sleep(0)
        if self.elected:
            self.primary = self.elected.pop(0)
        return answering

    async def found(self) -> tuple[Primary | None, list[str]]:
        """What is read, and what was asked for that."""
        self.asked.clear()
        return await self.barrier.believed(self.read), list(self.asked)


async def test_a_primary_is_written_to_once() -> None:
    server = Server()
    assert await server.found() == (ONE, ["write", "read"])
    assert await server.found() == (ONE, ["read"])


async def test_another_primary_is_written_to_before_it_is_believed() -> None:
    server = Server()
    await server.found()
    server.primary = TWO
    assert await server.found() == (TWO, ["write", "read"])


async def test_the_same_member_elected_again_is_another_primary() -> None:
    server = Server()
    await server.found()
    server.primary = ("one", 3)
    assert await server.found() == (("one", 3), ["write", "read"])


async def test_what_was_read_while_another_was_elected_is_read_again() -> None:
    server = Server()
    await server.found()
    server.elected = [TWO]
    assert await server.found() == (TWO, ["read", "write", "read"])


async def test_an_answer_after_a_long_silence_is_not_believed() -> None:
    server = Server()
    await server.found()
    server.time += SILENT_SECONDS
    assert await server.found() == (ONE, ["read"])
    server.time += SILENT_SECONDS + 0.1
    assert await server.found() == (ONE, ["read", "write", "read"])


async def test_without_a_primary_a_write_waits_for_one() -> None:
    server = Server(primary=None)
    server.elected = [ONE]
    assert await server.found() == (ONE, ["write", "read", "write", "read"])


async def test_who_reads_at_once_shares_a_write_and_what_it_raises() -> None:
    server = Server(broken=[OSError("away")])
    first = await asyncio.gather(*(server.barrier.believed(server.read) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in first] == [OSError] * 3
    assert server.asked == ["write"]
    server.asked.clear()
    assert await asyncio.gather(*(server.barrier.believed(server.read) for _ in range(3))) == [ONE] * 3
    assert server.asked == ["write", "read", "read", "read"]


async def test_what_a_read_raises_is_raised() -> None:
    server = Server()

    async def away() -> None:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        await server.barrier.believed(away)
