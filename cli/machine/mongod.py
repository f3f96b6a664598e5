"""mongod, private: a replica set of one member on 127.0.0.1, because change streams need one, or a member of more."""

import asyncio
import contextlib
import importlib.util
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.machine.errors import CannotStart, MissingPart
from cli.machine.mongo_wire import CommandFailed, command
from cli.machine.ports import free_port
from cli.machine.process import Command, Process

REPLICA_SET = "callplane"

_NOT_YET_INITIALIZED = 94
_HELLO_SECONDS = 1.0
_LIBRARY_PACKAGES = {"libcurl.so.4": "libcurl4", "libcrypto.so.3": "libssl3", "libssl.so.3": "libssl3"}


def can_run() -> bool:
    """Whether a mongod is at hand."""
    return find_mongod() is not None


def find_mongod() -> str | None:
    """The mongod on PATH, else the one in the wheel of the extra ``embedded``."""
    if on_path := shutil.which("mongod"):
        return on_path
    # Found without importing it: the wheel's package would look for things of FiftyOne's own.
    spec = importlib.util.find_spec("fiftyone")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(root) / "db" / "bin" / "mongod"
        if program.is_file():
            return str(program)
    return None


@dataclass
class Mongod:
    """One server in ``directory``; it may be stopped, killed, paused and started again on the same port."""

    directory: Path
    port: int
    alone: bool = True
    """Whether it is the whole replica set; else whoever starts the others makes them one."""
    parameters: tuple[str, ...] = ()
    """More of them, as ``--setParameter`` takes them: ``name=value``."""
    _server: Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The address that finds the replica set."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"

    @property
    def process(self) -> Process:
        """The operating system process."""
        assert self._server is not None, "mongod has not been started"
        return self._server

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._server is not None

    @property
    def processes(self) -> list[Process]:
        """Everything that runs for it."""
        return [self.process]

    async def start(self) -> None:
        """Start it and wait until it is primary, or, as one of several, until it answers."""
        program = find_mongod()
        if program is None:
            raise MissingPart("mongod is not installed: pip install 'callplane[embedded]', or give --mongo-url")
        self._server = Process(self._command(program))
        try:
            await (self._become_primary() if self.alone else self.process.until(self.hello))
        except CannotStart as trouble:
            raise _missing_library(self._server.output()) or trouble from None

    async def stop(self) -> None:
        """Stop it in peace; its data stays in the directory."""
        if self._server is not None:
            await self._server.terminate(within=20)

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._server is not None:
            await self._server.kill()

    async def restart(self) -> None:
        """Stop in peace and start again with the same data."""
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """Stop it in its tracks; connections stay open and silent."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.process.resume()

    async def hello(self) -> dict[str, Any] | None:
        """What it says of itself; None when it does not answer at once."""
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                return await command(self.port, {"hello": 1})
        except (OSError, CommandFailed):
            return None

    def _command(self, program: str) -> Command:
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        argv = [
            *(program, "--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1", "--port", str(self.port)),
            *("--dbpath", str(data), "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--quiet"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        if not self.alone:
            # How long one that is asked to stop refuses operations before it goes: 15 s unless said otherwise.
            argv += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1000"]
        argv += [word for parameter in self.parameters for word in ("--setParameter", parameter)]
        return Command("mongod", argv, self.directory / "mongod.log", ready_within=60)

    async def _become_primary(self) -> None:
        async def look() -> bool | None:
            try:
                hello = await command(self.port, {"hello": 1})
                if not hello["isWritablePrimary"] and not hello.get("secondary"):
                    await self._initiate()
            except (OSError, CommandFailed):
                return None
            return hello["isWritablePrimary"] or None

        await self.process.until(look)

    async def _initiate(self) -> None:
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        try:
            kept = (await command(self.port, {"replSetGetConfig": 1}))["config"]
        except CommandFailed as trouble:
            if trouble.code == _NOT_YET_INITIALIZED:
                await command(self.port, {"replSetInitiate": {"_id": REPLICA_SET, "members": [member]}})
            return
        if kept["members"][0]["host"] != member["host"]:
            # Kept data that was served on another port: the only member has to learn its new address.
            kept["members"][0] |= member
            kept["version"] += 1
            await command(self.port, {"replSetReconfig": kept, "force": True})


@contextlib.asynccontextmanager
async def mongod(directory: Path) -> AsyncIterator[Mongod]:
    """A server for the block, in a directory that the caller owns."""
    server = Mongod(directory, free_port())
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


def _missing_library(output: str) -> MissingPart | None:
    found = re.search(r"error while loading shared libraries: (\S+?):", output)
    if found is None:
        return None
    package = _LIBRARY_PACKAGES.get(found[1])
    return MissingPart(f"mongod needs {found[1]}" + (f": apt-get install {package}" if package else ""))
