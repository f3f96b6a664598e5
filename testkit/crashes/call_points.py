"""Numbered points: every call that a wrapper makes to store, bus or media server, where a test may end or stop it.

Calls of one context run one after the other, and nothing outside changes between two of them: to die after call n
is to die before call n + 1. So *killed* and *paused* act before a call, and one more point lies behind the last.
*Severed* is not death: the call fails with or without its effect, and the handler's own clean-up runs.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

ASLEEP = 60.0
"""Seconds that a pause takes by the clock of who is paused: longer than a lease, and than a head is believed."""

How = Literal["never", "killed", "paused", "severed before", "severed after"]


class Killed(BaseException):
    """The process is dead: no ``except`` and no ``finally`` of its own may do anything more."""


@dataclass(frozen=True)
class Plan:
    """What happens at which point; points count from 1."""

    how: How = "never"
    at: int = 0

    def __str__(self) -> str:
        return f"{self.how} {self.at}" if self.at else self.how


@dataclass
class Points:
    """Counts the calls of one context, and carries the plan out; ``handled`` of them came before the answer."""

    plan: Plan = Plan()
    passed: list[str] = field(default_factory=list)
    dead: bool = False
    handled: int = 0
    asleep: float = 0.0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, name: str, severed: type[Exception], work: Callable[[], Awaitable[Any]]) -> Any:
        """One call; every way to the outside leads through here."""
        if self.dead:
            raise Killed
        self.passed.append(name)
        if len(self.passed) != self.plan.at:
            return await work()
        match self.plan.how:
            case "killed":
                self.die()
            case "paused":
                self.stopped.set()
                await self.woken.wait()
                self.asleep += ASLEEP
            case "severed before":
                raise severed(f"severed before {name}")
            case "severed after":
                await work()
                raise severed(f"severed after {name}")
        return await work()

    def monotonic(self) -> float:
        """The clock of a process that was stopped for so long."""
        return monotonic() + self.asleep

    def die(self) -> None:
        """Now, and whatever is called later as well."""
        self.dead = True
        raise Killed


class Port:
    """A port whose awaited calls are points; what it answers without waiting passes."""

    def __init__(self, port: Any, name: str, points: Points, severed: type[Exception]) -> None:
        self._port, self._name, self._points, self._severed = port, name, points, severed

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **named: Any) -> Any:
            return await self._points.call(f"{self._name}.{method}", self._severed, lambda: found(*args, **named))

        return call


class Collection(Port):
    """A MongoDB collection: each of its operations is a point, so that methods with two writes have two."""

    def find(self, *args: Any, **named: Any) -> "Cursor":
        """A query, which is asked when it is read."""
        return Cursor(self._port.find(*args, **named), f"{self._name}.find", self._points, self._severed)

    def with_options(self, **options: Any) -> "Collection":
        """The same collection with other options."""
        return Collection(self._port.with_options(**options), self._name, self._points, self._severed)


class Cursor(Port):
    """A query; reading it is one point, however much it yields."""

    def limit(self, n: int) -> "Cursor":
        """At most so many."""
        return self._with(self._port.limit(n))

    def sort(self, *args: Any) -> "Cursor":
        """In this order."""
        return self._with(self._port.sort(*args))

    def _with(self, query: Any) -> "Cursor":
        return Cursor(query, self._name, self._points, self._severed)

    async def __aiter__(self) -> AsyncIterator[Any]:
        for found in await self._points.call(self._name, self._severed, self._port.to_list):
            yield found


class Database:
    """A MongoDB database whose collections count."""

    def __init__(self, database: Any, points: Points, severed: type[Exception]) -> None:
        self._database, self._points, self._severed = database, points, severed

    def __getitem__(self, name: str) -> Collection:
        return Collection(self._database[name], name, self._points, self._severed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)
