"""WebSocket: opens, closes and watches one."""

import asyncio
import errno
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from kurento_client.options import Options

NO_WAY = (OSError, InvalidHandshake, TimeoutError, EOFError)
"""What opening a socket raises where there is no server, or it is none of ours."""


@asynccontextmanager
async def opened(url: str, options: Options) -> AsyncIterator[ClientConnection]:
    """Open a socket, and close it in the end within a bounded time.

    Kurento selects no subprotocol and compresses nothing (protocol 1.1); its answers may pass 1 MiB (1.2).
    Keep-alive is `watch`'s: the library's own waits without a deadline when the send buffer is full, and for
    the closing handshake of a peer that has just proved silent. A proxy of the environment is not for us.
    """
    websocket = await connect(
        url,
        compression=None,
        proxy=None,
        max_size=None,
        open_timeout=options.open_timeout,
        close_timeout=options.close_timeout,
        ping_interval=None,
    )
    try:
        yield websocket
    finally:
        try:
            async with asyncio.timeout(2 * options.close_timeout):
                await websocket.close()
        except TimeoutError:
            pass
        finally:
            websocket.transport.abort()


async def watch(websocket: ClientConnection, options: Options) -> str | None:
    """Ping until the socket ends (None) or a pong stays out: then abort the transport and say why."""
    try:
        while True:
            if not await _alive(websocket, options.ping_timeout):
                break
            await asyncio.sleep(options.ping_interval)
    except ConnectionClosed:
        return None
    websocket.transport.abort()
    return f"no pong in {options.ping_timeout:g} s"


async def _alive(websocket: ClientConnection, timeout: float) -> bool:
    pong = None
    try:
        async with asyncio.timeout(timeout):
            pong = asyncio.ensure_future(await websocket.ping())
            await pong
    except TimeoutError:
        # A process that was stopped and woken finds timer and pong in the same turn of its loop.
        return pong is not None and pong.done() and not pong.cancelled()
    return True


# What an address of a family that this machine does not have says, beside the one that refused.
_ELSEWHERE = {errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH}


def is_refusal(trouble: BaseException) -> bool:
    """Tell whether an attempt failed for want of a listener rather than by silence.

    For a name with several addresses asyncio joins their errors into the text of one without a number.
    """
    if isinstance(trouble, ConnectionRefusedError | InvalidHandshake):
        return True
    numbers = {int(each) for each in re.findall(r"\[Errno (\d+)\]", str(trouble))}
    return errno.ECONNREFUSED in numbers and numbers <= _ELSEWHERE
