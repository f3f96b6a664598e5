"""What arrives is cut into frames however it comes, and aiormq sees all that nobody has taken, in its order."""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiormq.connection import FrameReceiver
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.heartbeat import Heartbeat

from callplane.bus.rabbitmq import frames, transport
from callplane.bus.rabbitmq.transport import FrameReader, UnexpectedFrame

TAKEN = 3


class BodyTaker:
    """Takes every body."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.failure: Exception | None = None

    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        """Or fails."""
        if self.failure is not None:
            raise self.failure
        if kind == frames.BODY:
            self.taken.append(data[start:end])
        return kind == frames.BODY

    def end(self) -> None:
        """Nothing."""


@contextmanager
def reading() -> Iterator[tuple[FrameReader, FrameReceiver, BodyTaker]]:
    """A reader, as aiormq reads from it, and who takes of channel 3."""
    reader, taker = FrameReader(asyncio.get_running_loop()), BodyTaker()
    reader.takers[TAKEN] = taker
    yield reader, FrameReceiver(reader), taker


ACKS = [spec.Basic.Ack(number) for number in range(1, 6)]
MIXED = b"".join(
    marshal(ContentBody(b"x" * number + b"\xce"), TAKEN)
    + marshal(ack, TAKEN)
    + marshal(ContentBody(b"of another"), TAKEN + 1)
    + marshal(Heartbeat(), 0)
    for number, ack in enumerate(ACKS)
)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 8, 9, 20, 64, len(MIXED)])
async def test_however_it_comes(piece: int) -> None:
    with reading() as (reader, receiver, taker):
        for start in range(0, len(MIXED), piece):
            reader.feed_data(MIXED[start : start + piece])
        for ack in ACKS:
            number, given = (await receiver.get_frame())[1:]
            assert isinstance(given, spec.Basic.Ack)
            assert (number, given.delivery_tag) == (TAKEN, ack.delivery_tag)
            number, body = (await receiver.get_frame())[1:]
            assert (number, body.name) == (TAKEN + 1, "ContentBody")
            assert isinstance((await receiver.get_frame())[2], Heartbeat)
        assert taker.taken == [b"x" * number + b"\xce" for number in range(len(ACKS))]


@pytest.mark.parametrize("odd", [b"AMQP\x00\x00\x09\x01", marshal(ACKS[0], TAKEN)[:-1] + b"\x00", b"\x07" * 30])
async def test_what_is_no_frame_is_for_aiormq_to_refuse(odd: bytes) -> None:
    with reading() as (reader, receiver, taker):
        reader.feed_data(marshal(ContentBody(b"one"), TAKEN) + marshal(ACKS[0], TAKEN) + odd)
        reader.feed_eof()
        await receiver.get_frame()
        with pytest.raises((InvalidFrameError, AMQPConnectionError)):
            await receiver.get_frame()
        assert taker.taken == [b"one"]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (UnexpectedFrame("a method"), AMQPConnectionError),
        (ValueError("a text"), InvalidFrameError),
        (IndexError("an end"), InvalidFrameError),
        (struct.error("a number"), InvalidFrameError),
    ],
)
async def test_what_cannot_be_taken_ends_the_connection(failure: Exception, told: type[Exception]) -> None:
    with reading() as (reader, receiver, taker):
        taker.failure = failure
        waiting = asyncio.ensure_future(receiver.get_frame())
        await asyncio.sleep(0)
        reader.feed_data(marshal(ContentBody(b"one"), TAKEN))
        with pytest.raises(told):
            await waiting


@pytest.mark.parametrize("cut", [1, 7, 9])
async def test_an_end_within_a_frame_is_told(cut: int) -> None:
    with reading() as (reader, receiver, _):
        reader.feed_data(marshal(ContentBody(b"one"), TAKEN) + marshal(ContentBody(b"two"), TAKEN)[:cut])
        reader.feed_eof()
        with pytest.raises(AMQPConnectionError):
            await receiver.get_frame()


async def test_an_end_between_frames_is_one() -> None:
    with reading() as (reader, receiver, _):
        reader.feed_data(marshal(ContentBody(b"one"), TAKEN))
        reader.feed_eof()
        with pytest.raises(StopAsyncIteration):
            await receiver.get_frame()


async def test_aiormq_hears_of_what_it_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a connection for dead on which no frame comes, and the broker sends no heartbeat where others do."""
    monkeypatch.setattr(transport, "HEARD_EVERY", 0.05)
    with reading() as (reader, receiver, _):
        reader.feed_data(marshal(ContentBody(b"soon"), TAKEN))
        assert not reader._buffer  # type: ignore[attr-defined]
        await asyncio.sleep(0.06)
        reader.feed_data(marshal(ContentBody(b"later"), TAKEN) * 3)
        assert isinstance((await receiver.get_frame())[2], Heartbeat)
        assert not reader._buffer  # type: ignore[attr-defined]
