"""Relays: allocates one at a TURN server, as a browser would, and gives it back."""

import asyncio
import re

from aioice import turn
from aioice.stun import TransactionError

_URL = re.compile(r"(turns?):([^:?]+|\[[^\]]+\])(?::(\d+))?(?:\?transport=(udp|tcp))?")


async def allocated(url: str, username: str | None, credential: str | None) -> str:
    """The relay's address (RFC 8656, 7). Raises OSError, ValueError."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError("is no TURN URI (RFC 7065)")
    scheme, host, port, transport = found.groups()
    secure = scheme == "turns"
    try:
        allocation, protocol = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=(host.strip("[]"), int(port or (5349 if secure else 3478))),
            username=username,
            password=credential,
            ssl=secure,
            transport=transport or ("tcp" if secure else "udp"),
        )
    except TransactionError as refused:
        raise OSError(f"it refuses: {refused}") from None
    address = allocation.get_extra_info("sockname")
    allocation.close()
    del protocol
    return f"{address[0]}:{address[1]}" if address else "somewhere"
