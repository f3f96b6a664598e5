"""WebSocket frames and HTTP answers, parsed without I/O: as little as a client that only counts has to understand."""

from collections.abc import Callable, Mapping

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

_CONTINUATION, _FIN, _OPCODE, _LENGTH = 0, 0x80, 0x0F, 0x7F
_SHORT, _MIDDLE = 125, 126

Frame = tuple[int, bytes]
"""Opcode and payload."""


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A frame of a client: masked, by a key of zeros, which costs nothing (RFC 6455, 5.3)."""
    length = len(payload)
    if length <= _SHORT:
        return bytes((_FIN | opcode, 0x80 | length, 0, 0, 0, 0)) + payload
    return bytes((_FIN | opcode, 0x80 | _MIDDLE)) + length.to_bytes(2, "big") + bytes(4) + payload


class WebSocketFrames:
    """Frames of a server, which are not masked."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[bytes] = []
        """Of a message that came in fragments so far."""

    def feed(self, data: bytes) -> list[Frame]:
        """What has become whole; messages in fragments are put together."""
        data = self._rest + data if self._rest else data
        at, found = 0, list[Frame]()
        while (bounds := _bounds(data, at)) is not None and bounds[1] <= len(data):
            first, (begin, end) = data[at], bounds
            at = end
            self._take(first, data[begin:end], found)
        self._rest = data[at:]
        return found

    def _take(self, first: int, payload: bytes, found: list[Frame]) -> None:
        opcode = first & _OPCODE
        if opcode >= CLOSE or (first & _FIN and opcode):
            found.append((opcode, payload))
            return
        self._parts.append(payload)
        if first & _FIN:
            found.append((TEXT, b"".join(self._parts)))
            self._parts.clear()


def _bounds(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame that begins there lies; None while its head is not whole."""
    have = len(data) - at
    if have < 2:  # the shortest head
        return None
    length, begin = data[at + 1] & _LENGTH, at + 2
    if length > _SHORT:
        size = 2 if length == _MIDDLE else 8
        if have < 2 + size:
            return None
        length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
    return begin, begin + length


Headers = Mapping[bytes, bytes]
"""Names in small letters."""


class Answers:
    """HTTP/1.1 answers of one connection (RFC 9112, 6 and 7.1); calls back as their parts come."""

    def __init__(
        self, head: Callable[[int, Headers], None], body: Callable[[bytes], None], end: Callable[[], None]
    ) -> None:
        self._head, self._body, self._end = head, body, end
        self._rest = b""
        self._left = 0
        """Bytes of the body, or of its chunk, that have not come yet."""
        self._step = self._of_head

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._rest = self._rest + data if self._rest else data
        while self._step():
            pass

    def upgraded(self) -> bytes:
        """What came behind a head that ends HTTP on this connection."""
        rest, self._rest = self._rest, b""
        return rest

    def _of_head(self) -> bool:
        head, found, rest = self._rest.partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        self._rest, status = rest, int(first[9:12])
        chunked = headers.get(b"transfer-encoding", b"") == b"chunked"
        self._left = int(headers.get(b"content-length", 0))
        self._step = self._of_size if chunked else self._of_body
        self._head(status, headers)
        return status != 101  # what follows is no HTTP

    def _of_body(self) -> bool:
        if self._left and not self._take():
            return False
        if self._left:
            return False
        return self._over()

    def _of_size(self) -> bool:
        line, found, rest = self._rest.partition(b"\r\n")
        if not found:
            return False
        self._rest, self._left = rest, int(line.partition(b";")[0], 16)
        self._step = self._of_chunk if self._left else self._of_trailer
        return True

    def _of_chunk(self) -> bool:
        if self._left and not self._take():
            return False
        if self._left or len(self._rest) < 2:  # the line's end behind it
            return False
        self._rest, self._step = self._rest[2:], self._of_size
        return True

    def _of_trailer(self) -> bool:
        line, found, rest = self._rest.partition(b"\r\n")
        if not found:
            return False
        self._rest = rest
        return True if line else self._over()

    def _take(self) -> bool:
        """Give what there is of the body; False when there is nothing."""
        piece, self._rest = self._rest[: self._left], self._rest[self._left :]
        self._left -= len(piece)
        if piece:
            self._body(piece)
        return bool(piece)

    def _over(self) -> bool:
        self._step = self._of_head
        self._end()
        return bool(self._rest)
