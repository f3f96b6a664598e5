"""Raw AMQP connection: as little of the protocol as counts deliveries; frames are told by their length."""

import asyncio
from collections.abc import Callable
from typing import cast

from pamqp import base, commands, frame, header
from yarl import URL

PATIENCE = 10.0

_HEAD, _END = 7, 1
_BODY = 3
_FRAME_MAX = 131_072

OnBody = Callable[[int, bytes], None]
"""The channel, and the body of a message that is not longer than a frame."""


class RawConnection(asyncio.Protocol):
    """Answers one call at a time until ``on_body`` is set; from then on it looks at bodies only."""

    def __init__(self) -> None:
        self.on_body: OnBody | None = None
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[base.Frame] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say which protocol (AMQP 0-9-1, 2.2.4)."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(header.ProtocolHeader(0, 9, 1).marshal())

    def data_received(self, data: bytes) -> None:
        """Whole frames, one after the other."""
        data = self._rest + data if self._rest else data
        at, have = 0, len(data)
        while have - at >= _HEAD:
            size = int.from_bytes(data[at + 3 : at + _HEAD], "big")
            end = at + _HEAD + size + _END
            if end > have:
                break
            if self.on_body is None:
                _, _, found = frame.unmarshal(data[at:end])
                if isinstance(found, base.Frame):
                    self._answer.set_result(found)
            elif data[at] == _BODY:
                self.on_body(int.from_bytes(data[at + 1 : at + 3], "big"), data[at + _HEAD : end - _END])
            at = end
        self._rest = data[at:]

    async def answer(self) -> base.Frame:
        """The next method of the broker."""
        async with asyncio.timeout(PATIENCE):
            found = await self._answer
        self._answer = asyncio.get_running_loop().create_future()
        return found

    def write(self, *methods: base.Frame, channel: int = 0) -> None:
        """Send methods."""
        self.write_bytes(b"".join(frame.marshal(method, channel) for method in methods))

    def write_bytes(self, frames: bytes) -> None:
        """Send frames that are written already."""
        assert self._transport is not None
        self._transport.write(frames)

    async def call(self, method: base.Frame, channel: int = 0) -> base.Frame:
        """Send a method that is answered."""
        self.write(method, channel=channel)
        return await self.answer()

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


async def raw_connection(url: str) -> RawConnection:
    """A connection that is open, without heartbeats."""
    address = URL(url)
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(RawConnection, str(address.host), int(address.port or 5672))
    await made.answer()  # start
    await made.call(commands.Connection.StartOk(response=f"\0{address.user}\0{address.password}"))
    made.write(commands.Connection.TuneOk(channel_max=2047, frame_max=_FRAME_MAX, heartbeat=0))
    await made.call(commands.Connection.Open(virtual_host=address.path.removeprefix("/") or "/"))
    return made


def published(exchange: str, body: bytes) -> bytes:
    """The frames of a transient message on channel 1."""
    parts = (commands.Basic.Publish(exchange=exchange), header.ContentHeader(body_size=len(body)))
    end = bytes([_BODY]) + (1).to_bytes(2, "big") + len(body).to_bytes(4, "big") + body + b"\xce"
    return b"".join(frame.marshal(part, 1) for part in parts) + end
