"""Servers that `callplane up` starts, or is given."""

import asyncio
import importlib.util
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from cli.children import Children
from cli.machine import mongod, rabbitmq
from cli.machine.errors import CannotStart, MissingPart
from cli.machine.ports import free_port
from cli.machine.process import Command, Process, python
from cli.machine.program import Program
from cli.options import Options
from cli.progress import Progress
from cli.supervised import About, Server

_REACH_SECONDS = 5

_RABBITMQ = About(
    "rabbitmq",
    "RabbitMQ",
    "Media goes on. What is asked meanwhile is refused with 503 or waits; what was accepted stays.",
)
_MEDIA_SERVER = About(
    "media-server",
    "the media server",
    "Pictures stop, and everybody is reconnecting. Once it is back each call gets a new pipeline, the next epoch, and "
    "browsers offer again by themselves.",
)


@dataclass(frozen=True)
class BusChoice:
    """``url`` is None for the in-process bus; ``why`` tells a person how it came to this one."""

    url: str | None
    why: str


@dataclass
class Machine:
    """Where servers live and are stopped, and the child processes to watch."""

    options: Options
    directory: Path
    stack: AsyncExitStack
    progress: Progress
    children: Children

    def own(self, *processes: Process) -> None:
        """Watch these until the end, and say when they are being stopped."""
        self.children.own(*processes)
        self.stack.callback(self.progress.say, f"  stopping {processes[0].command.name}")

    def supervise(self, about: About, server: Server) -> None:
        """The same for what may be killed from the console, and is started again then."""
        self.children.supervise(about, server)
        self.stack.callback(self.progress.say, f"  stopping {about.name}")

    async def bus(self) -> BusChoice:
        """The broker that was given, else a private one where RabbitMQ is installed, else the in-process bus."""
        if self.options.in_process_bus:
            return BusChoice(None, "in this process, as --in-process-bus asks for")
        if self.options.amqp_url is not None:
            with self.progress.step("RabbitMQ"):
                await reach_rabbitmq(self.options.amqp_url)
            return BusChoice(self.options.amqp_url, f"RabbitMQ at {address(self.options.amqp_url)}, as --amqp-url says")
        if not rabbitmq.can_run():
            return BusChoice(
                None, "in this process, because rabbitmq-server is not installed (apt-get install it, or --amqp-url)"
            )
        with self.progress.step("RabbitMQ") as step:
            node = await self.stack.enter_async_context(rabbitmq.rabbitmq(self.directory / "rabbitmq"))
            self.supervise(_RABBITMQ, node)
            step.detail = f"a private node on port {node.port}"
        return BusChoice(
            node.url(), f"a private RabbitMQ node on port {node.port}, because rabbitmq-server is installed"
        )

    async def database(self) -> str:
        """The address of the MongoDB that was given, else of a private one."""
        if self.options.mongo_url is not None:
            with self.progress.step("MongoDB"):
                await reach_mongodb(self.options.mongo_url)
            return self.options.mongo_url
        with self.progress.step("MongoDB") as step:
            server = await self.stack.enter_async_context(mongod.mongod(self.directory / "mongod"))
            self.own(*server.processes)
            step.detail = f"a private mongod on port {server.port}"
        return server.url

    async def media_servers(self) -> tuple[str, ...]:
        """The addresses of the media servers that were given, else of the embedded one."""
        if self.options.kms:
            return self.options.kms
        with self.progress.step("media server") as step:
            arguments = python("mediaserver", "--port", str(free_port()))
            server = Program(Command("media server", arguments, self.directory / "mediaserver.log", os.environ))
            self.stack.push_async_callback(server.stop)
            await server.start()
            self.supervise(_MEDIA_SERVER, server)
            step.detail = f"the embedded one, {server.url}"
        return (f"embedded={server.url}",)


def address(url: str) -> str:
    """Host and port of a URL: what may be shown, for the rest holds a password."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


async def reach_rabbitmq(url: str) -> None:
    """Say in one line when nobody listens there."""
    parts = urlsplit(url)
    port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as trouble:
        raise CannotStart(f"RabbitMQ at {address(url)} does not answer") from trouble
    writer.close()


async def reach_mongodb(url: str) -> None:
    """Say in one line when nobody, or no replica set, answers there."""
    where = address(url)
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, serverSelectionTimeoutMS=_REACH_SECONDS * 1000)
        async with client:
            hello = await client.admin.command("hello")
    except (PyMongoError, ValueError) as trouble:
        raise CannotStart(f"MongoDB at {where} cannot be used: {type(trouble).__name__}") from trouble
    if "setName" not in hello:
        raise CannotStart(f"MongoDB at {where} is no replica set, and change streams need one")


def check_installed(options: Options) -> None:
    """Say in one line what is missing before anything is started."""
    if not options.kms and importlib.util.find_spec("aiortc") is None:
        raise MissingPart("the media server needs aiortc: pip install 'callplane[embedded]', or give --kms")
