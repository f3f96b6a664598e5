"""RabbitMQ node, private: own directory, cookie and epmd (or its cluster's), listening on 127.0.0.1 only."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from cli.machine.epmd import Epmd, find_epmd
from cli.machine.erlang import Shell
from cli.machine.errors import MissingPart
from cli.machine.ports import free_ports
from cli.machine.process import Command, Process

# Not Debian's wrapper on PATH (/usr/sbin): as root it drops to user `rabbitmq`, for others it loses the arguments.
_SERVERS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")

OTHER_SERVER = "RABBITMQ_SERVER_PROGRAM"
"""The variable that names another ``rabbitmq-server``, of another version say; it is told the same as ours."""

# Busy waiting of idle schedulers costs a shared machine half a core; a million processes are not needed here.
_ERLANG_FLAGS = "+P 65536 +t 1048576 +sbwt none +sbwtdcpu none +sbwtdio none"

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.console = false
log.file.level = info
"""

# Asked only by a node without data of its own: it waits for the first node, which names itself and waits for nobody.
_JOINING = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_formation.discovery_retry_limit = 300
cluster_formation.discovery_retry_interval = 100
"""


def can_run() -> bool:
    """Whether RabbitMQ is installed here."""
    return _server() is not None and find_epmd() is not None


@dataclass(frozen=True)
class Membership:
    """What makes a node one of a cluster: whom it joins when it is new, the cookie, further lines of configuration."""

    joins: str
    cookie: str
    configuration: str = ""


@dataclass
class RabbitMQ:
    """One node in ``directory``; it may be stopped, killed, paused and started again on the same ports."""

    directory: Path
    port: int
    epmd_port: int
    distribution_port: int
    name: str = "callplane@localhost"
    membership: Membership | None = None
    _node: Process | None = field(default=None, init=False)
    _epmd: Epmd = field(init=False)

    def __post_init__(self) -> None:
        self._epmd = Epmd(self.epmd_port, self.directory / "epmd.log")

    def url(self, vhost: str = "/") -> str:
        """The address of a virtual host, credentials included."""
        path = "" if vhost == "/" else vhost
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{path}"

    @property
    def process(self) -> Process:
        """The node's operating system process."""
        assert self._node is not None, "the node has not been started"
        return self._node

    @property
    def processes(self) -> list[Process]:
        """Everything that runs for it, the node first."""
        return [*([] if self._node is None else [self._node]), *self._epmd.processes]

    @property
    def shell(self) -> Shell:
        """The Erlang shell inside the node: what rabbitmqctl does, without the second that each call of it takes."""
        return Shell(self.process)

    async def start(self) -> None:
        """Start the node and wait until it takes AMQP connections."""
        server = _server()
        if server is None or find_epmd() is None:
            raise MissingPart("RabbitMQ is not installed: apt-get install rabbitmq-server")
        environment = self._prepare(server)
        if self.membership is None:
            self._epmd.start(environment)
        self._node = Process(
            Command(
                "RabbitMQ",
                [str(server)],
                self.directory / "console.log",
                env=environment,
                cwd=self.directory,
                talks=True,
                ready_within=60,
            )
        )
        await self._node.until(self._greeted)

    async def stop(self) -> None:
        """Stop the node in peace (queues and messages stay in its directory), then its epmd."""
        if self._node is not None:
            await self._node.terminate(within=20)
        await self._epmd.stop()

    async def kill(self) -> None:
        """End the node as a power cut would."""
        if self._node is not None:
            await self._node.kill()
        await self._epmd.kill()

    async def restart(self) -> None:
        """Stop in peace and start again with what was kept."""
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """Stop it in its tracks; connections stay open and silent."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.process.resume()

    async def _greeted(self) -> bool | None:
        # An AMQP client speaks first: a protocol version that nobody has makes the broker answer with its own
        # (AMQP 0-9-1, 2.2.4) and hang up, which shows that it is past booting.
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except (OSError, TimeoutError):
            return None
        try:
            writer.write(b"AMQP\x00\x09\x09\x09")
            async with asyncio.timeout(2):
                return (await reader.readexactly(4)) == b"AMQP" or None
        except (OSError, EOFError, TimeoutError):
            return None
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _of_the_cluster(self) -> str:
        if self.membership is None:
            return ""
        cookie = self.directory / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self.membership.cookie)
            cookie.chmod(0o400)  # Erlang refuses one that others could read
        return _JOINING.format(first=self.membership.joins) + self.membership.configuration

    def _prepare(self, server: Path) -> dict[str, str]:
        home = self.directory
        home.mkdir(parents=True, exist_ok=True)
        (home / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self.port) + self._of_the_cluster())
        (home / "enabled_plugins").write_text("[].\n")
        (home / "rabbitmq-env.conf").write_text("")
        code_path, plugins = _only_the_core(server, home / "plugins")
        # What the machine has set for a node of its own must not reach this one.
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return (
            ours
            | plugins
            | {
                "HOME": str(home),
                "ERL_EPMD_PORT": str(self.epmd_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "ERL_CRASH_DUMP_BYTES": "0",
                "RABBITMQ_NODENAME": self.name,
                "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_DIST_PORT": str(self.distribution_port),
                "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
                "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
                "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
                "RABBITMQ_LOG_BASE": str(home / "log"),
                # The script then becomes the node itself instead of a shell that waits for it, and the node reads
                # Erlang from its standard input.
                "RABBITMQ_ALLOW_INPUT": "1",
                "RABBITMQ_SERVER_ERL_ARGS": _ERLANG_FLAGS,
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}}{code_path}",
                "LC_ALL": "C.UTF-8",
            }
        )


@contextlib.asynccontextmanager
async def rabbitmq(directory: Path) -> AsyncIterator[RabbitMQ]:
    """A node for the block, in a directory that the caller owns."""
    port, epmd, distribution = free_ports(3)
    node = RabbitMQ(directory, port, epmd, distribution)
    try:
        await node.start()
        yield node
    finally:
        await node.stop()


def _server() -> Path | None:
    named = os.environ.get(OTHER_SERVER)
    return next((Path(path) for path in ([named] if named else _SERVERS) if os.access(path, os.X_OK)), None)


def _only_the_core(server: Path, plugins: Path) -> tuple[str, dict[str, str]]:
    """Keep RabbitMQ from searching each module in 70 plugin directories: that was 50,000 failed opens, 1 s of boot."""
    core = sorted(server.resolve().parent.parent.glob("lib/rabbitmq_server-*/plugins/rabbit-[0-9]*"))
    core = core or sorted(server.resolve().parent.parent.glob("plugins/rabbit-[0-9]*"))
    common = sorted(core[0].parent.glob("rabbit_common-[0-9]*")) if core else []
    if len(core) != 1 or len(common) != 1 or not core[0].is_dir():
        return "", {}
    plugins.mkdir(exist_ok=True)
    link = plugins / core[0].name
    if not link.is_symlink():
        link.symlink_to(core[0])
    return f" -pa {core[0]}/ebin {common[0]}/ebin", {"RABBITMQ_PLUGINS_DIR": str(plugins)}
