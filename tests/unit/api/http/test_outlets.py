"""Outlets write what a client takes, and frames and chunks that anybody reads."""

import asyncio
import socket
from contextlib import suppress

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from api.http.outlets import UNSENT_AT_MOST, Outlet, chunk, outlet_of, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_is_read_as_the_text_that_it_was_made_of(size: int) -> None:
    payload = b"x" * size
    reader = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    reader.receive_data(text_frame(payload) + text_frame(b"next"))
    assert reader.events_received() == [Frame(Opcode.TEXT, payload), Frame(Opcode.TEXT, b"next")]


def test_a_chunk_says_how_long_it_is() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


async def test_who_does_not_read_is_given_no_more_than_the_bound() -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
    outlet = Outlet(transport, lambda: True)
    try:
        taken = 0
        while outlet.write(b"x" * 1000):
            taken += 1
            assert taken < 10_000
        assert UNSENT_AT_MOST <= transport.get_write_buffer_size() < UNSENT_AT_MOST + 1000
        there.setblocking(False)
        while transport.get_write_buffer_size():
            with suppress(BlockingIOError):
                there.recv(1 << 20)
            await asyncio.sleep(0)
        assert outlet.write(b"again")
    finally:
        transport.abort()
        there.close()


def test_nothing_is_written_into_a_stream_that_is_over() -> None:
    class Idle(asyncio.Transport):
        def get_write_buffer_size(self) -> int:
            return 0

    assert not Outlet(Idle(), lambda: False).write(b"x")


def test_another_server_has_none() -> None:
    assert outlet_of({}) is None
    assert outlet_of({"extensions": {"callplane.abort": {}}}) is None
