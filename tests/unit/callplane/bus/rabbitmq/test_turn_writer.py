"""What is written in one turn of the loop is one call of the system, in its order, and nothing of it is left behind."""

import asyncio
from collections.abc import Callable

import pytest

from callplane.bus.rabbitmq.transport import FrameReader, TurnWriter


class Transport(asyncio.Transport):
    """Keeps what it is given to write."""

    def __init__(self, protocol: asyncio.StreamReaderProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.written: list[bytes] = []

    def get_protocol(self) -> asyncio.BaseProtocol:
        """That of the reader."""
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """One call."""
        self.written.append(bytes(data))

    def write_eof(self) -> None:
        """The other side is told."""
        self.written.append(b"eof")

    def close(self) -> None:
        """The end."""
        self.written.append(b"closed")

    def is_closing(self) -> bool:
        """Not for the writer, which would close it once more when it is collected."""
        return b"closed" in self.written


def writer() -> tuple[TurnWriter, Transport]:
    """One on such a transport."""
    reader = FrameReader(asyncio.get_running_loop())
    transport = Transport(asyncio.StreamReaderProtocol(reader))
    return TurnWriter(transport, transport.get_protocol(), reader), transport


async def test_a_turn_is_one_call() -> None:
    made, transport = writer()
    for piece in (b"a", b"b", b"c"):
        made.write(piece)
    assert transport.written == []
    await asyncio.sleep(0)
    made.write(b"d")
    await asyncio.sleep(0)
    assert transport.written == [b"abc", b"d"]
    made.close()


async def test_a_drain_is_over_when_all_is_written() -> None:
    made, transport = writer()
    made.write(b"a")
    await made.drain()
    assert transport.written == [b"a"]
    made.close()


@pytest.mark.parametrize(
    ("end", "told"), [(TurnWriter.close, b"closed"), (TurnWriter.write_eof, b"eof")], ids=["close", "eof"]
)
async def test_what_was_given_is_written_before_the_end(end: Callable[[TurnWriter], None], told: bytes) -> None:
    made, transport = writer()
    made.write(b"close-ok")
    end(made)
    await asyncio.sleep(0)
    assert transport.written == [b"close-ok", told]
    made.close()
