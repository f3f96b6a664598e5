"""MongoDB replica set of private mongods; each can be killed, stopped, paused and started again with its data."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cli.machine.mongo_wire import CommandFailed, command
from cli.machine.mongod import REPLICA_SET, Mongod
from cli.machine.ports import free_ports
from cli.machine.process import Process

Found = TypeVar("Found")

_LOOK_AGAIN = 0.05
_NOT_YET_INITIALIZED = 94


@dataclass
class ReplicaSet:
    """Members in subdirectories of ``directory``."""

    directory: Path
    count: int = 3
    election: float = 10.0
    """Seconds without a primary's heartbeat after which the others elect one (MongoDB's own default)."""
    parameters: tuple[str, ...] = ()
    """Of every member, as ``--setParameter`` takes them."""
    members: list[Mongod] = field(init=False)

    def __post_init__(self) -> None:
        ports = free_ports(self.count)
        self.members = [
            Mongod(self.directory / f"mongod-{n}", port, alone=False, parameters=self.parameters)
            for n, port in enumerate(ports, 1)
        ]

    @property
    def url(self) -> str:
        """The address that names every member."""
        return f"mongodb://{','.join(_host(member) for member in self.members)}/?replicaSet={REPLICA_SET}"

    @property
    def running(self) -> list[Mongod]:
        """The members whose process lives."""
        return [member for member in self.members if member.started and member.process.returncode is None]

    @property
    def process(self) -> Process:
        """The process of a member that runs, else the first's."""
        return next(iter(self.running), self.members[0]).process

    @property
    def processes(self) -> list[Process]:
        """Everything that runs for it."""
        return [member.process for member in self.members if member.started]

    async def start(self) -> None:
        """Start what does not run, make a set of members that never were one, and wait for a primary."""
        running = self.running
        async with asyncio.TaskGroup() as group:
            for member in self.members:
                if member not in running:
                    group.create_task(member.start())
        await self._initiate()
        await self.primary()

    async def stop(self) -> None:
        """Stop every member in peace, the primary last: it need not hand over what nobody will take."""
        members = sorted(self.running, key=lambda member: member is self.members[0])
        async with asyncio.TaskGroup() as group:
            for member in members:
                group.create_task(member.stop())

    async def primary(self, within: float = 30.0, other_than: Mongod | None = None) -> Mongod:
        """Wait until a member (another one than a given one) says that it is primary."""

        async def look() -> Mongod | None:
            for member in self.running:
                said = None if member is other_than else await member.hello()
                if said is not None and said["isWritablePrimary"]:
                    return member
            return None

        return await _until(look, within)

    async def whole(self, within: float = 60.0) -> None:
        """Wait until one member is primary and every other one follows it."""

        async def look() -> bool | None:
            said = [await member.hello() for member in self.members]
            states = [(s["isWritablePrimary"], s.get("secondary", False)) for s in said if s is not None]
            primaries = states.count((True, False))
            return (primaries == 1 and states.count((False, True)) == self.count - 1) or None

        await _until(look, within)

    async def step_down(self) -> Mongod:
        """Make the primary give up its place, and wait until another member has it."""
        old = await self.primary()
        # It stays out of the next election for longer than this one takes.
        await command(old.port, {"replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 5})
        return await self.primary(other_than=old)

    async def _initiate(self) -> None:
        first = self.members[0].port
        try:
            await command(first, {"replSetGetConfig": 1})
        except CommandFailed as trouble:
            if trouble.code != _NOT_YET_INITIALIZED:
                raise
            await command(first, {"replSetInitiate": self._configuration()})

    def _configuration(self) -> dict[str, Any]:
        members = [{"_id": n, "host": _host(member)} for n, member in enumerate(self.members)]
        times = {"electionTimeoutMillis": int(self.election * 1000)}
        return {"_id": REPLICA_SET, "members": members, "settings": times}


def _host(member: Mongod) -> str:
    return f"127.0.0.1:{member.port}"


async def _until(look: Callable[[], Awaitable[Found | None]], within: float) -> Found:
    async with asyncio.timeout(within):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(_LOOK_AGAIN)


@contextlib.asynccontextmanager
async def replica_set(
    directory: Path, count: int = 3, election: float = 10.0, parameters: tuple[str, ...] = ()
) -> AsyncIterator[ReplicaSet]:
    """A replica set for the block, in a directory that the caller owns."""
    made = ReplicaSet(directory, count, election, parameters)
    try:
        await made.start()
        await made.whole()
        yield made
    finally:
        await made.stop()
