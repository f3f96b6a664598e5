"""An ICE agent of the lite kind: it answers connectivity checks and never makes any (RFC 8445, 2.5)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from aioice import stun

UFRAG, PASSWORD = "lite", "0123456789012345678901"
Address = tuple[str, int]


@dataclass
class LiteAgent(asyncio.DatagramProtocol):
    """One socket; `nominated` is set by the check that chooses it."""

    nominated: asyncio.Event = field(default_factory=asyncio.Event)
    roles: set[str] = field(default_factory=set)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket and its port."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer a check; what is no STUN is not answered."""
        try:
            request = stun.parse_message(data)
        except ValueError:
            return
        if not request.check_message_integrity(PASSWORD.encode()):
            return
        self.roles |= {role for role in ("ICE-CONTROLLING", "ICE-CONTROLLED") if role in request.attributes}
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = addr
        answer.add_message_integrity(PASSWORD.encode())
        self._transport.sendto(bytes(answer), addr)
        if "USE-CANDIDATE" in request.attributes:
            self.nominated.set()


@asynccontextmanager
async def lite_agent(address: str) -> AsyncIterator[LiteAgent]:
    """Listen on an address until the block ends."""
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(LiteAgent, local_addr=(address, 0))
    try:
        yield agent
    finally:
        transport.close()
