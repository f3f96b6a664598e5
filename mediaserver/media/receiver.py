"""RTP receiver: takes a publisher's packets of one kind, asks for what is missing, and hands them on encoded."""

from collections.abc import Callable
from dataclasses import dataclass

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

from mediaserver.media.flow import Outlet
from mediaserver.media.inbound import Inbound, SourceClock
from mediaserver.media.packet import HEADER, Packet, is_vp8_key_frame
from mediaserver.media.sdp.negotiation import CLOCKS

KEY_FRAME_INTERVAL = 0.5
"""The least time between two requests for a key frame: each costs the publisher a burst."""

NACK_INTERVAL = 0.1

SendRtcp = Callable[[bytes], None]


@dataclass(frozen=True)
class ReceiverOptions:
    """One accepted line on which the peer may send; of a `layered` one only the stream of `remote_ssrc` is taken."""

    kind: str
    own_ssrc: int
    remote_ssrc: int | None
    max_bitrate: int
    layered: bool = False


class Receiver:
    """The incoming half of one media line."""

    def __init__(self, options: ReceiverOptions, outlet: Outlet, clock: SourceClock, send: SendRtcp) -> None:
        self.kind = options.kind
        self.stream: Inbound | None = None
        self.frames = 0
        self.key_requests = 0
        self.nacks = 0
        self._options = options
        self._video = options.kind == "video"
        self._outlet = outlet
        self._clock = clock
        self._send = send
        self._wanted = False
        self._asked_at = -KEY_FRAME_INTERVAL
        outlet.ask = self.request_key_frame

    def receive(self, data: bytes, now: float) -> None:
        """Take one decrypted RTP packet."""
        flags, second, number, timestamp, ssrc = HEADER.unpack_from(data)
        start = 12 + 4 * (flags & 0x0F)
        if flags & 0x10:
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        # padding is not passed on: bandwidth probes would be multiplied by the number of viewers
        end = len(data) - (data[-1] if flags & 0x20 else 0)
        if start > end:
            return
        # the layers of simulcast are pictures of their own: one is forwarded whole, not each in turns
        if self._options.layered and ssrc != self._options.remote_ssrc:
            return
        stream = self.stream
        if stream is None or stream.ssrc != ssrc:
            stream = self._begin(ssrc)
        sequence = stream.place(number, now)
        if sequence is None:
            return
        stream.count(timestamp, len(data), now)
        payload = data[start:end]
        key = self._video and is_vp8_key_frame(payload)
        marker = second & 0x80
        self.frames += marker >> 7
        if key:
            self._wanted = False
        elif self._wanted:
            self._ask(now)
        if stream.missing and self._video:
            self.ask_again(now)
        self._outlet.forward(Packet(stream, sequence, timestamp, marker, payload, key), now)

    def request_key_frame(self, now: float) -> None:
        """Ask for a key frame, now or as soon as the last request is old enough."""
        if self._video:
            self._wanted = True
            self._ask(now)

    def sender_report(self, packet: RtcpSrPacket, now: float, wall: float) -> None:
        """Learn how the publisher's RTP clock relates to its wall clock (RFC 3550, 6.4.1)."""
        if self.stream is None or packet.ssrc != self.stream.ssrc:
            return
        ntp = packet.sender_info.ntp_timestamp
        seconds = ntp / 2**32
        if self._clock.offset is None:
            self._clock.offset = wall - seconds
        self.stream.report = (seconds, packet.sender_info.rtp_timestamp, now, (ntp >> 16) & 0xFFFFFFFF)

    def ask_again(self, now: float) -> None:
        """Send NACKs for what is missing."""
        if self.stream is None:
            return
        numbers = self.stream.overdue(now, NACK_INTERVAL)
        if numbers and self._video:
            self.nacks += 1
            own, ssrc = self._options.own_ssrc, self.stream.ssrc
            self._send(bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, own, ssrc, numbers)))

    def reports(self, now: float) -> list[RtcpReceiverInfo]:
        """Return the report block for the peer, once it has sent something."""
        return [self.stream.receiver_report(now)] if self.stream is not None else []

    def bitrate_offer(self) -> bytes:
        """Offer the publisher its ceiling as a REMB; Chromium starts to climb at the first one it sees."""
        ssrc = self.stream.ssrc if self.stream is not None else self._options.remote_ssrc
        if not self._video or ssrc is None:
            return b""
        fci = pack_remb_fci(self._options.max_bitrate * 1000, [ssrc])
        return bytes(RtcpPsfbPacket(RTCP_PSFB_APP, self._options.own_ssrc, 0, fci))

    def _begin(self, ssrc: int) -> Inbound:
        self.stream = Inbound(ssrc, CLOCKS[self.kind], self._clock)
        offer = self.bitrate_offer()
        if offer:
            self._send(offer)
        return self.stream

    def _ask(self, now: float) -> None:
        ssrc = self.stream.ssrc if self.stream is not None else self._options.remote_ssrc
        if ssrc is None or now - self._asked_at < KEY_FRAME_INTERVAL:
            return
        self._asked_at = now
        self._wanted = False
        self.key_requests += 1
        self._send(bytes(RtcpPsfbPacket(RTCP_PSFB_PLI, self._options.own_ssrc, ssrc)))
