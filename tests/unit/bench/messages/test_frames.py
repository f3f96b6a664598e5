"""Frames and answers that come in any pieces are the same ones."""

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from bench.messages.frames import PING, TEXT, Answers, Headers, WebSocketFrames, client_frame


def served(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    """A frame as a server sends it."""
    return Frame(opcode, payload, fin).serialize(mask=False)


@pytest.mark.parametrize("step", [1, 3, 7, 1000, 1 << 20])
def test_frames_of_all_lengths_come_in_any_pieces(step: int) -> None:
    payloads = [b"", b"x" * 125, b"y" * 126, b"z" * 65_536]
    sent = b"".join(served(Opcode.TEXT, payload) for payload in payloads) + served(Opcode.PING, b"p")
    frames, found = WebSocketFrames(), []
    for at in range(0, len(sent), step):
        found += frames.feed(sent[at : at + step])
    assert found == [*((TEXT, payload) for payload in payloads), (PING, b"p")]


def test_fragments_are_put_together_around_a_ping() -> None:
    first, last = served(Opcode.TEXT, b"one ", fin=False), served(Opcode.CONT, b"two")
    assert WebSocketFrames().feed(first + served(Opcode.PING, b"") + last) == [(PING, b""), (TEXT, b"one two")]


@pytest.mark.parametrize("length", [0, 125, 126, 4000])
def test_a_server_reads_our_frames(length: int) -> None:
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(client_frame(TEXT, b"x" * length))
    [read] = server.events_received()
    assert isinstance(read, Frame)
    assert (read.opcode, bytes(read.data), server.parser_exc) == (Opcode.TEXT, b"x" * length, None)


class Heard:
    """What a parser called back."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.parser = Answers(self._head, self._body, lambda: self.said.append("end"))

    def _head(self, status: int, headers: Headers) -> None:
        self.said.append(status)

    def _body(self, piece: bytes) -> None:
        if self.said and isinstance(self.said[-1], bytes):
            self.said[-1] += piece
        else:
            self.said.append(piece)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_answers_with_a_length_in_chunks_and_without_a_body(step: int) -> None:
    sent = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nbody" + CHUNKED + b"HTTP/1.1 204 No Content\r\n\r\n"
    heard = Heard()
    for at in range(0, len(sent), step):
        heard.parser.feed(sent[at : at + step])
    assert heard.said == [202, b"body", "end", 200, b"abcde", "end", 204, "end"]


def test_behind_a_switch_of_protocols_there_is_no_http() -> None:
    heard = Heard()
    heard.parser.feed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00")
    assert heard.said == [101]
    assert heard.parser.upgraded() == b"\x81\x00"
