"""RTP sender: one kind of media to one viewer; own SSRC, unbroken numbers, retransmission from its history."""

from collections.abc import Callable

from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo, RtcpSrPacket

from mediaserver.media.inbound import Inbound
from mediaserver.media.packet import HEADER, Packet

HISTORY = 256
"""Video packets kept for retransmission: two seconds at 1 Mbit/s; a power of two. Opus has no NACK here."""

_NTP_EPOCH = 2208988800

SendRtp = Callable[[bytes], bytes | None]
"""Protects and sends a packet; returns it as it went out, None where it could not go."""

SendAgain = Callable[[bytes], None]


class Sender:
    """The outgoing half of one media line."""

    def __init__(self, kind: str, rate: int, payload_type: int, ssrc: int) -> None:
        self.kind = kind
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self.nacks = 0
        self.plis = 0
        self.remote_loss: tuple[int, int, int] | None = None
        self.round_trip = 0.0
        """Seconds, by the viewer's last report that named one of ours (RFC 3550, 6.4.1)."""
        self._rate = rate
        self._payload_type = payload_type
        self._video = kind == "video"
        self._send: SendRtp | None = None
        self._again: SendAgain | None = None
        self._stream: Inbound | None = None
        self._base = 0
        self._shift = 0
        self._time_shift = 0
        # the lower half, so that the first packets cannot wrap before SRTP has seen the rollover
        self._next = ssrc & 0x7FFF
        self._last_time = ssrc >> 3
        self._last_at = 0.0
        self._history: list[tuple[int, bytes] | None] = [None] * (HISTORY if self._video else 0)

    def open(self, send: SendRtp, again: SendAgain) -> None:
        """Start sending: the peer's transport is up."""
        self._send, self._again = send, again

    def close(self) -> None:
        """Send no more."""
        self._send = None

    def push(self, packet: Packet, now: float) -> bool:
        """Send a packet on; false while a key frame is needed to begin with."""
        send = self._send
        if send is None:
            return True
        if packet.stream is not self._stream:
            # a key frame that came late is no beginning: what followed it has gone by and could not be repeated
            if self._video and not (packet.key and packet.sequence == packet.stream.highest):
                return False
            self._switch(packet, now)
        elif packet.sequence < self._base:
            return True  # it belongs to what went before the key frame
        number = (packet.sequence + self._shift) & 0xFFFF
        moment = (packet.timestamp + self._time_shift) & 0xFFFFFFFF
        sent = send(HEADER.pack(0x80, packet.marker | self._payload_type, number, moment, self.ssrc) + packet.payload)
        if sent is None:
            return True
        if self._video:
            self._history[number % HISTORY] = (number, sent)
        self.packets += 1
        self.octets += len(packet.payload)
        if (number - self._next) & 0xFFFF < 0x8000:
            self._next = (number + 1) & 0xFFFF
            self._last_time = moment
            self._last_at = now
        return True

    def interrupted(self) -> None:
        """Begin anew with whatever comes, the same source or another, as Kurento does after each connect."""
        self._stream = None

    def reported(self, block: RtcpReceiverInfo, wall: float) -> None:
        """Take what the viewer reports of this stream."""
        self.remote_loss = (block.packets_lost, block.fraction_lost, block.jitter)
        if block.lsr:
            now = int((wall + _NTP_EPOCH) * 2**16) & 0xFFFFFFFF
            trip = (now - block.lsr - block.dlsr) & 0xFFFFFFFF
            # both clocks are rounded: on one machine what is left may be nothing, or less
            self.round_trip = max(trip if trip < 2**31 else 0, 1) / 2**16

    def retransmit(self, numbers: list[int]) -> None:
        """Send again what the viewer misses; the stored packet is encrypted already and simply repeated."""
        self.nacks += 1
        for number in numbers if self._video else ():
            kept = self._history[number % HISTORY]
            if kept is not None and kept[0] == number & 0xFFFF and self._again is not None:
                self._again(kept[1])

    def report(self, now: float, wall: float) -> RtcpSrPacket | None:
        """Make a sender report whose two clocks keep audio and video of one publisher together."""
        if self._stream is None:
            return None
        source = self._stream.source_time(wall)
        if source is None:
            source = self._last_time - self._time_shift + int((now - self._last_at) * self._rate)
        info = RtcpSenderInfo(
            ntp_timestamp=int((wall + _NTP_EPOCH) * 2**32),
            rtp_timestamp=(source + self._time_shift) & 0xFFFFFFFF,
            packet_count=self.packets & 0xFFFFFFFF,
            octet_count=self.octets & 0xFFFFFFFF,
        )
        return RtcpSrPacket(self.ssrc, info)

    def _switch(self, packet: Packet, now: float) -> None:
        """Go on from another source without a break in sequence numbers or time."""
        elapsed = max(1, int((now - self._last_at) * self._rate)) if self.packets else 1
        self._stream = packet.stream
        self._base = packet.sequence
        self._shift = self._next - packet.sequence
        self._time_shift = self._last_time + elapsed - packet.timestamp
