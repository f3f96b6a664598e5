"""The programs themselves, as child processes on the servers of a test."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from cli.machine.ports import free_port
from cli.machine.process import Command, Process, python, running
from cli.machine.rundir import run_directory
from testkit.servers.servers import Servers

ROOT = Path(__file__).parents[2]
API_KEY = "an-api-key-of-the-tests-0123456789abcdef"
TOKEN_SECRET = "a-token-secret-of-the-tests-0123456789abcdef"

_TAIL = 60


@dataclass
class Program:
    """One process of ours; ``url`` is where it serves (a wrapper serves only its probes)."""

    name: str
    command: Command
    process: Process
    url: str = ""

    async def ready(self) -> None:
        """Wait for its ready line."""
        self.url = str((await self.process.ready_line()).get("url", ""))

    async def terminate(self) -> int:
        """SIGTERM and wait: how a rolling update ends it. Its status."""
        return await self.process.terminate()

    async def kill(self) -> None:
        """SIGKILL."""
        await self.process.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    async def restart(self) -> None:
        """Start it again (kill or terminate it first); one that had chosen its port itself gets another."""
        self.process = Process(self.command)
        await self.ready()


@dataclass
class Cluster:
    """Some of each program, on one virtual host, one database and their own media servers."""

    servers: Servers
    logs: Path
    extra: dict[str, str]
    apis: list[Program] = field(default_factory=list)
    wrappers: list[Program] = field(default_factory=list)
    media_servers: list[Program] = field(default_factory=list)
    media_arguments: tuple[str, ...] = ()
    through: str = ""
    """A module that is the program which its first argument names, or none."""
    root: Path = ROOT
    """The checkout whose programs these are."""

    async def start_api(self) -> Program:
        """One more API pod."""
        return await self._started(self._spawn("api", self.apis))

    async def start_wrapper(self) -> Program:
        """One more wrapper."""
        return await self._started(self._spawn("wrapper", self.wrappers))

    async def start_media_server(self) -> Program:
        """One more media server; only programs that start later know it by configuration."""
        return await self._started(self._media_server())

    async def start(self, apis: int, wrappers: int, media_servers: int) -> None:
        """Start all of them, side by side, the media servers first: the wrappers are told their addresses."""
        first = [self._media_server() for _ in range(media_servers)]
        for program in first:
            await program.ready()
        then = [self._spawn("wrapper", self.wrappers) for _ in range(wrappers)]
        then += [self._spawn("api", self.apis) for _ in range(apis)]
        for program in then:
            await program.ready()

    async def stop(self) -> None:
        """Stop everything that still runs."""
        for programs in (self.apis, self.wrappers, self.media_servers):
            await asyncio.gather(*(program.terminate() for program in programs))

    def show_logs(self) -> None:
        """Print the end of every log; pytest shows it when the test has failed."""
        for program in [*self.apis, *self.wrappers, *self.media_servers]:
            lines = program.process.output().splitlines()[-_TAIL:]
            print(f"--- {program.name} (status {program.process.returncode})", *lines, sep="\n", file=sys.stderr)

    def environment(self) -> dict[str, str]:
        """The settings of the programs."""
        urls = ",".join(program.url for program in self.media_servers)
        return _clean_environment() | {
            "CALLPLANE_AMQP_URL": self.servers.vhost.url,
            "CALLPLANE_MONGO_URL": self.servers.database.address,
            "CALLPLANE_MONGO_DATABASE": self.servers.database.name,
            "CALLPLANE_KMS_URLS": urls,
            "CALLPLANE_TOKEN_SECRETS": TOKEN_SECRET,
            "CALLPLANE_API_KEYS": f"tests:{API_KEY}",
            "CALLPLANE_HOST": "127.0.0.1",
            "CALLPLANE_PORT": "0",
            "CALLPLANE_CONNECT_SECONDS": "900",  # nobody connects to what many tests offer
            "CALLPLANE_EVENT_STREAM_DAYS": "0",  # each is a log of its own on disk; what is about it asks for it
            "CALLPLANE_SHED_LAG": "0",  # a machine whose processor other tests take is no pod's overload
            **self.extra,
        }

    def _media_server(self) -> Program:
        """On a port that stays its own: one that is started again must be found at the address that the pool knows."""
        return self._spawn("mediaserver", self.media_servers, "--port", str(free_port()), *self.media_arguments)

    def _spawn(self, module: str, among: list[Program], *arguments: str) -> Program:
        name = f"{module}-{len(among) + 1}"
        argv = python(self.through, module, *arguments) if self.through else python(module, *arguments)
        command = Command(name, argv, self.logs / f"{name}.log", self.environment(), self.root)
        program = Program(name, command, Process(command))
        among.append(program)
        return program

    async def _started(self, program: Program) -> Program:
        await program.ready()
        return program


@dataclass(frozen=True)
class Size:
    """How many of each program."""

    apis: int = 2
    wrappers: int = 2
    media_servers: int = 1
    media_arguments: tuple[str, ...] = ()
    through: str = ""
    """A module that is the program which its first argument names, in its own way; none: the programs themselves."""
    root: Path = ROOT
    """The checkout whose programs they are: ours, or another for a bench that compares them."""


@contextlib.asynccontextmanager
async def cluster(servers: Servers, size: Size = Size(), **settings: str) -> AsyncIterator[Cluster]:
    """The programs for the block; ``settings`` are further variables, as ``CALLPLANE_GRACE="1"``."""
    with run_directory() as logs:
        made = Cluster(
            servers, logs, settings, media_arguments=size.media_arguments, through=size.through, root=size.root
        )
        try:
            await made.start(size.apis, size.wrappers, size.media_servers)
            yield made
        except BaseException:
            made.show_logs()
            raise
        finally:
            await made.stop()


@dataclass(frozen=True)
class UpLinks:
    """What `callplane up` prints: the page with its token, and the console with its key."""

    page: str
    console: str


@contextlib.asynccontextmanager
async def up(*arguments: str, **settings: str) -> AsyncIterator[UpLinks]:
    """``callplane up`` as a child for the block, with further variables; the links that it prints."""
    with run_directory() as logs:
        argv = python("cli", "up", "--port", "0", *arguments)
        environment = _clean_environment() | settings
        command = Command("callplane up", argv, logs / "up.log", environment, ROOT, ready_within=40)
        async with running(command) as process:
            try:
                yield await process.until(lambda: _links(process))
            except BaseException:
                print(process.output(), file=sys.stderr)
                raise


async def _links(process: Process) -> UpLinks | None:
    found = re.search(r"Open (http://\S+)(?s:.*?)console +(http://\S+)", process.output())
    return UpLinks(found[1], found[2]) if found else None


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CALLPLANE_")}
