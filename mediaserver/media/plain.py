"""Plain RTP transport: one line's pair of UDP ports, without ICE and without encryption (RFC 3550, 11)."""

import asyncio
import random
import socket
import uuid
from collections.abc import Callable

from aioice.ice import get_host_addresses

from mediaserver.media.engine import Engine
from mediaserver.media.inbound import SourceClock
from mediaserver.media.lines import Ports, Terms, carry
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sdp.local import Identity, Place
from mediaserver.media.sdp.negotiation import CLOCKS, Bundle

ATTEMPTS = 50
"""How many even ports are tried before there is none with a free odd one above it."""

BURST = 64
"""Datagrams read at once, before anybody else's turn."""

LARGEST = 2048


class NoPorts(OSError):
    """No pair of ports is free."""


class PlainTransport:
    """Sends to where the peer's description says, and takes only what comes from that host."""

    def __init__(
        self, engine: Engine, ports: dict[str, Ports], clock: SourceClock, changed: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._ports = ports
        self._clock = clock
        self._host = _own_address(engine)
        self._rtp, self._rtcp = _pair(self._host)
        self._remote: tuple[str, int, int] | None = None
        ssrcs = {kind: random.randrange(1, 2**32) for kind in CLOCKS}
        cname = f"callplane-{uuid.uuid4().hex[:8]}"
        self.identity = Identity("", "", "", cname, "", ssrcs)
        self.session = RtpSession(cname, ssrcs["video"], self._send_rtcp, engine.settings.media_timeout)
        self.session.on_media_state = lambda before, state: changed()

    @property
    def place(self) -> Place:
        """The address and ports that our description names."""
        port: int = self._rtp.getsockname()[1]
        return Place((), (self._host, port), port + 1)

    def agree(self, agreed: Bundle, *, max_bitrate: int) -> None:
        """Begin to receive and to send what was agreed on."""
        to = agreed.transport
        self._remote = to.host, to.port, to.rtcp
        for chosen in agreed.chosen:
            ssrc = self.identity.ssrcs[chosen.kind]
            carry(self.session, chosen, self._ports[chosen.kind], Terms(ssrc, self._clock, max_bitrate))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._rtp, self._read, self._rtp, self.session.on_rtp)
        loop.add_reader(self._rtcp, self._read, self._rtcp, self.session.on_rtcp)
        for sender, inlet in self.session.senders.values():
            sender.open(self._send_rtp, self._send_again)
            inlet.request_key_frame(self._engine.now())
        self._engine.ticking.add(self)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self.session.tick(now)

    def close(self) -> None:
        """Say good-bye and free the ports."""
        self._engine.ticking.discard(self)
        self.session.leave()
        loop = asyncio.get_running_loop()
        for each in (self._rtp, self._rtcp):
            loop.remove_reader(each)
            each.close()

    def _read(self, source: socket.socket, take: Callable[[bytes], None]) -> None:
        for _ in range(BURST):
            try:
                data, sender = source.recvfrom(LARGEST)
            except OSError:
                return  # nothing waits, or an earlier datagram of ours met a closed port
            if self._remote is not None and sender[0] == self._remote[0]:
                take(data)

    def _send_rtp(self, data: bytes) -> bytes | None:
        return data if self._remote is not None and _sent(self._rtp, data, self._remote[:2]) else None

    def _send_again(self, data: bytes) -> None:
        self._send_rtp(data)

    def _send_rtcp(self, data: bytes) -> None:
        if data and self._remote is not None:
            _sent(self._rtcp, data, (self._remote[0], self._remote[2]))


def _sent(through: socket.socket, data: bytes, to: tuple[str, int]) -> bool:
    try:
        through.sendto(data, to)
    except (OSError, OverflowError):
        return False  # lost like any other datagram; the host may be no address at all
    return True


def _own_address(engine: Engine) -> str:
    found = [each for each in engine.settings.addresses if ":" not in each] or get_host_addresses(True, False)
    return found[0] if found else "127.0.0.1"


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and the odd one above it."""
    for _ in range(ATTEMPTS):
        first = _bound(host, 0)
        port = first.getsockname()[1]
        other = port + 1 if port % 2 == 0 else port - 1
        try:
            second = _bound(host, other)
        except (OSError, OverflowError):
            first.close()
            continue
        return (first, second) if port % 2 == 0 else (second, first)
    raise NoPorts("no pair of free ports")


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind((host, port))
    except (OSError, OverflowError):
        made.close()
        raise
    return made
