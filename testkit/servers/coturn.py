"""coturn as our manifests start it, and a client that asks it to reach somebody."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aioice import stun, turn

from api.ice_servers import TurnCredentials
from cli.machine.ports import free_port
from cli.machine.process import Command, Process, running
from testkit.deploy.manifests import K8S

SECRET = "a-turn-secret-of-the-tests"
START = K8S / "base/media/coturn-start.sh"
TCP_TRANSPORT = 0x06000000
"""REQUESTED-TRANSPORT of an allocation whose peers are reached by TCP (RFC 6062, 4.1)."""


@dataclass(frozen=True)
class Coturn:
    """Where it listens, and what it has written."""

    port: int
    process: Process


@contextlib.asynccontextmanager
async def coturn(media_servers: str, arguments: Sequence[str], folder: Path) -> AsyncIterator[Coturn]:
    """Debian's coturn by our start script with the manifests' ``arguments``, listening on loopback for the block."""
    port = free_port()
    ours = (f"--listening-port={port}", "--listening-ip=127.0.0.1", f"--relay-ip={own_address()}")
    theirs = [
        one for one in arguments if not one.startswith(("--listening-port", "--pidfile", "--userdb", "--external"))
    ]
    files = (f"--pidfile={folder}/pid", f"--userdb={folder}/turndb")
    environment = {**os.environ, "TURN_SECRET": SECRET, "MEDIA_SERVERS": media_servers, "TMPDIR": str(folder)}
    command = Command("coturn", ["sh", str(START), *theirs, *ours, *files], folder / "log", environment)
    async with running(command) as process:
        await process.until(lambda: _listens(port))
        yield Coturn(port, process)


async def _listens(port: int) -> bool | None:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    writer.close()
    return True


def own_address() -> str:
    """This machine's address on its network, for a media server has no loopback address; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


class Heard(asyncio.DatagramProtocol):
    """Keeps the datagrams that come, each with where it came from."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.put_nowait((data, addr))


class _Client(turn.TurnClientTcpProtocol):
    """aioice's client with one request more."""

    async def allocate_tcp(self) -> None:
        """Ask for an allocation whose peers are reached by TCP. Raises stun.TransactionFailed."""
        request = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
        request.attributes["REQUESTED-TRANSPORT"] = TCP_TRANSPORT
        await self.request_with_retry(request)


@contextlib.asynccontextmanager
async def client(port: int) -> AsyncIterator[_Client]:
    """A participant's TURN client with the credential that a join gives, connected by TCP."""
    given = TurnCredentials((f"turn:127.0.0.1:{port}",), SECRET, 600).ice_server("seat", datetime.now(UTC))
    server = ("127.0.0.1", port)
    made = _Client(server, given["username"], given["credential"], lifetime=600, channel_refresh_time=500)
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: made, *server)
    try:
        yield made
    finally:
        if made.refresh_task:
            made.refresh_task.cancel()
        transport.close()
