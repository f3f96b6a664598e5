"""Socket of an AMQP connection: aiormq's own streams, out of which content is taken before aiormq reads them.

``TransportFactory`` is where aiormq has its streams from, and all that it is given here are an ``asyncio.StreamReader``
and an ``asyncio.StreamWriter``. The frames of messages (decision 22) are cut out of what arrives, and handed to the
channel that is registered for them; aiormq sees the rest, in its order, as if the others had not been there.
"""

import asyncio
import struct
from collections.abc import Iterable
from typing import Any, Protocol, SupportsIndex

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError, ConnectionUnexpectedFrame, InvalidFrameError
from yarl import URL

from callplane.bus.rabbitmq.frames import (
    A_HEARTBEAT,
    AROUND,
    BEFORE,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    END,
    HEADER,
    TYPES,
)

HEARD_EVERY = 1.0
"""Seconds: so often aiormq is told that something arrived, where it sees nothing of it."""

_CHANNEL_ENDS = frozenset({CHANNEL_CLOSE, CHANNEL_CLOSE_OK})
_CONNECTION_ENDS = frozenset({CONNECTION_CLOSE, CONNECTION_CLOSE_OK})


class UnexpectedFrame(Exception):
    """A frame stands where none of its kind may."""


class Taker(Protocol):
    """A channel that takes frames of messages."""

    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        """Whether this frame is its, whose payload is there in ``data``; else it is aiormq's. Never waits.

        Raises UnexpectedFrame, and ValueError, IndexError or struct.error for what cannot be read.
        """
        ...

    def end(self) -> None:
        """Nothing may be written on the channel any more."""
        ...


class FrameReader(asyncio.StreamReader):
    """What aiormq reads: all frames but those that a taker takes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._clock = loop.time
        self.takers: dict[int, Taker] = {}
        """By the numbers of their channels."""
        self._begun = bytearray()
        """A frame that has not come wholly, and nothing before it."""
        self._needed = AROUND
        """How many octets that has to have at the least."""
        self._is_broken = False
        """Whether something came that is no frame: aiormq says what it thinks of that."""
        self._heard = self._clock()
        """The loop's time at which aiormq was last given anything."""

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Cut what has arrived into frames, and hand each on."""
        arrived = bytes(data)
        if self._is_broken:
            super().feed_data(arrived)
            return
        if self._begun:
            self._begun += arrived
            if len(self._begun) < self._needed:
                return
            arrived = bytes(self._begun)
        try:
            self._cut(arrived)
        except UnexpectedFrame as error:
            self._fail(ConnectionUnexpectedFrame(str(error)))
        except (ValueError, IndexError, struct.error) as error:
            self._fail(InvalidFrameError(str(error)))

    def feed_eof(self) -> None:
        """Nothing more comes; of a frame that was begun aiormq says that it is."""
        if self._begun:
            super().feed_data(bytes(self._begun))
            self._begun.clear()
        super().feed_eof()

    def _cut(self, data: bytes) -> None:
        at = given = 0
        have, taken, takers = len(data), False, self.takers
        self._needed = AROUND
        while have - at >= AROUND:
            kind, number, size = HEADER.unpack_from(data, at)
            after = at + size + AROUND
            if kind not in TYPES or (after <= have and data[after - 1] != END):
                self._is_broken, after = True, have
            elif after > have:
                self._needed = size + AROUND
                break
            elif (taker := takers.get(number)) is not None and taker.take(kind, data, at + BEFORE, after - 1):
                taken = True
                if given < at:
                    super().feed_data(data[given:at])
                given = after
            at = after
        if given < at:
            super().feed_data(data[given:at])
            self._heard = self._clock()
        elif taken and self._clock() - self._heard > HEARD_EVERY:
            super().feed_data(A_HEARTBEAT)
            self._heard = self._clock()
        self._begun = bytearray(data[at:])

    def _fail(self, error: Exception) -> None:
        """End the connection, as aiormq does where it cannot read a frame."""
        self._is_broken = True
        self.set_exception(error)


class TurnWriter(asyncio.StreamWriter):
    """Writes what is given in one turn of the loop together: a call of the system for each frame, with the packet that
    the broker reads, costs more than the frame.
    """

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.BaseProtocol, reader: FrameReader) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(transport, protocol, reader, loop)
        self._takers = reader.takers
        self._call_soon = loop.call_soon
        self._given: list[bytes | bytearray | memoryview] = []
        """What is written at the end of this turn."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write soon what aiormq gives; behind what ends a channel, or all, nothing of a taker may come (504)."""
        method = bytes(data[BEFORE : BEFORE + 4])
        if method in _CHANNEL_ENDS:
            taker = self._takers.get(HEADER.unpack_from(data)[1])
            if taker is not None:
                taker.end()
        elif method in _CONNECTION_ENDS:
            for taker in tuple(self._takers.values()):
                taker.end()
        self.give(data)

    def give(self, data: bytes | bytearray | memoryview) -> None:
        """Write soon what a taker gives."""
        if not self._given:
            self._call_soon(self._write_given)
        self._given.append(data)

    async def drain(self) -> None:
        """Back when it is written, and the socket takes more."""
        self._write_given()
        await super().drain()

    def write_eof(self) -> None:
        """Say that no more comes."""
        self._write_given()
        super().write_eof()

    def close(self) -> None:
        """Write what was given, and end the socket."""
        self._write_given()
        super().close()

    def _write_given(self) -> None:
        given, self._given = self._given, []
        if given:
            super().write(given[0] if len(given) == 1 else b"".join(given))


class Socket(TransportFactory):
    """Opens the socket and remembers it, so that it can be cut when the broker does not answer a close."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._reader: FrameReader | None = None
        self._writer: TurnWriter | None = None

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as aiormq would."""
        provider = options.pop("ssl_context_provider")
        context = await provider.get_context() if self._secure else None
        loop = asyncio.get_running_loop()
        reader = FrameReader(loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        options |= {"host": url.host, "port": url.port, "ssl": context}
        try:
            transport, _ = await loop.create_connection(lambda: protocol, **options)
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._reader, self._writer = reader, TurnWriter(transport, protocol, reader)
        return reader, self._writer

    def register(self, number: int, taker: Taker) -> TurnWriter:
        """Give frames of that channel to the taker first, until it ends; what it writes to."""
        if self._reader is None or self._writer is None:
            raise ConnectionError("not connected")
        self._reader.takers[number] = taker
        return self._writer

    def unregister(self, number: int, taker: Taker) -> None:
        """Give it nothing more."""
        if self._reader is not None and self._reader.takers.get(number) is taker:
            del self._reader.takers[number]

    def cut(self) -> None:
        """End the socket at once."""
        if self._writer is not None:
            self._writer.transport.abort()
