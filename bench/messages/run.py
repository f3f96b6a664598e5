"""Run of scenarios: the private servers, who competes, and what the command line asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.messages.doors import DoorName
from bench.messages.stage import Cast, Stage, bare_push, fanout, programs
from testkit.servers.servers import Servers

BARE = "bare"
"""Stands among the engines for the bare ASGI push."""


@dataclass(frozen=True)
class Options:
    """What can be said on the command line; a scenario has a value of its own for what is not."""

    engines: tuple[str, ...] = ("queues",)
    doors: tuple[DoorName, ...] = ("websocket", "sse", "poll")
    rooms: int = 1
    people: tuple[int, ...] = (50,)
    rate: float = 20.0
    seconds: float = 10.0
    in_flight: tuple[int, ...] = (4, 16, 64)
    pods: tuple[int, ...] = (1,)
    bytes: int = 300
    keys: bool = True
    send: Literal["socket", "post"] = "socket"
    writer: bool = False
    ceilings: bool = True


@dataclass(frozen=True)
class Run:
    """One scenario's run."""

    around: Servers
    logs: Path
    options: Options

    @property
    def people(self) -> int:
        """Seats of a room."""
        return self.options.people[0]

    async def fanouts(self, play: Callable[[Stage, DoorName], Awaitable[None]]) -> None:
        """The broker's own fan-out, to one room, by aio-pika and by frames that are only counted."""
        if self.options.ceilings:
            for raw in (False, True):
                async with fanout(self.around, raw, Cast(bytes=self.options.bytes)) as made:
                    await play(made, "AMQP")

    @asynccontextmanager
    async def stage(self, engine: str, pods: int | None = None) -> AsyncIterator[Stage]:
        """The programs with that engine, or the ceiling in their place."""
        options = self.options
        how = {"keys": options.keys, "writer": options.writer, "frames": options.send == "socket"}
        cast = Cast(pods or options.pods[0], bytes=options.bytes, **how)
        opening = bare_push(self.logs, cast) if engine == BARE else programs(self.around, engine, cast)
        async with opening as made:
            yield made

    async def each(
        self, play: Callable[[Stage, DoorName], Awaitable[None]], bare: bool = True, pods: int | None = None
    ) -> None:
        """Every door before the bare push, where that says something, and before each engine, in turn."""
        competing = ((BARE,) if bare and self.options.ceilings else ()) + self.options.engines
        for door in self.options.doors:
            for engine in competing:
                async with self.stage(engine, pods) as made:
                    await play(made, door)

    def with_options(self, **changes: object) -> "Run":
        """The same with other options."""
        return replace(self, options=replace(self.options, **changes))  # type: ignore[arg-type]


async def seated(stage: Stage, door: DoorName, rooms: int, people: int) -> None:
    """Rooms whose seats read at that door, all of them open."""
    await stage.ask("rooms", count=rooms, people=people, door=door)
    opened = await stage.ask("open", name=door)
    if opened["open"] < rooms * people:
        print(f"{stage.name}, {door}: only {opened['open']} of {rooms * people} doors are open", flush=True)
