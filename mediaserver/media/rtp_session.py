"""RTP session with one peer: routes packets, reports, and knows whether the peer is there."""

import struct
import time
from collections.abc import Callable

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from mediaserver.media.flow import Inlet
from mediaserver.media.receiver import Receiver
from mediaserver.media.sender import Sender

REPORT_INTERVAL = 1.0

OnState = Callable[[str, str], None]


class RtpSession:
    """Receivers by payload type, senders by SSRC."""

    def __init__(self, cname: str, own_ssrc: int, send_rtcp: Callable[[bytes], None], timeout: float) -> None:
        self.media_state = "DISCONNECTED"
        self.on_media_state: OnState | None = None
        self.receivers: dict[int, Receiver] = {}
        self.senders: dict[int, tuple[Sender, Inlet]] = {}
        self._cname = cname.encode()
        self._own_ssrc = own_ssrc
        self.send_rtcp = send_rtcp
        self._timeout = timeout
        self._heard = 0.0
        self._reporters: set[int] = set()
        self._reported = 0.0
        self._asked = 0.0

    def on_rtp(self, data: bytes) -> None:
        """Route one decrypted RTP packet by its payload type: both are unique under BUNDLE."""
        receiver = self.receivers.get(data[1] & 0x7F) if len(data) >= 12 else None
        if receiver is not None:
            now = time.monotonic()
            self._heard = now
            receiver.receive(data, now)

    def on_rtcp(self, data: bytes) -> None:
        """Take one decrypted compound RTCP packet."""
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, IndexError, struct.error):
            return
        now = time.monotonic()
        self._heard = now
        for packet in packets:
            self._take(packet, now)

    def tick(self, now: float) -> None:
        """Report once a second, ask for missing packets, and notice silence."""
        for receiver in self.receivers.values():
            receiver.ask_again(now)
        if now - self._reported >= REPORT_INTERVAL:
            self._reported = now
            self.send_rtcp(self._compound(now))
        if self.media_state == "CONNECTED" and now - self._heard > self._timeout:
            self._set_media_state("DISCONNECTED")

    def leave(self) -> None:
        """Say good-bye for every SSRC that we send, and for the one that reports before anything is sent."""
        if self.senders:
            sources = list(dict.fromkeys([*self.senders, self._own_ssrc]))
            self.send_rtcp(self._compound(time.monotonic()) + bytes(RtcpByePacket(sources)))
        for sender, inlet in self.senders.values():
            sender.close()
            inlet.consumer = None

    def _take(self, packet: AnyRtcpPacket, now: float) -> None:
        match packet:
            case RtcpByePacket():
                self._bye(packet.sources)
            case RtcpSrPacket() | RtcpRrPacket():
                self._reporters.add(packet.ssrc)
                self._set_media_state("CONNECTED")
                self._reports(packet, now)
            case RtcpRtpfbPacket() if packet.fmt == RTCP_RTPFB_NACK and packet.media_ssrc in self.senders:
                self.senders[packet.media_ssrc][0].retransmit(packet.lost)
            case RtcpPsfbPacket() if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                self._key_frame(packet, now)
            case _:
                pass

    def _reports(self, packet: RtcpSrPacket | RtcpRrPacket, now: float) -> None:
        if isinstance(packet, RtcpSrPacket):
            for receiver in self.receivers.values():
                receiver.sender_report(packet, now, time.time())
        for block in packet.reports:
            if block.ssrc in self.senders:
                self.senders[block.ssrc][0].reported(block, time.time())

    def _key_frame(self, packet: RtcpPsfbPacket, now: float) -> None:
        # a FIR names its target in the FCI and leaves the media SSRC empty (RFC 5104, 4.3.1)
        named = int.from_bytes(packet.fci[:4], "big") if packet.fmt == RTCP_PSFB_FIR else packet.media_ssrc
        if named in self.senders:
            sender, inlet = self.senders[named]
            sender.plis += 1
            inlet.request_key_frame(now)

    def _bye(self, sources: list[int]) -> None:
        self._reporters.difference_update(sources)
        if not self._reporters:
            self._set_media_state("DISCONNECTED")

    def _compound(self, now: float) -> bytes:
        blocks = [block for receiver in self.receivers.values() for block in receiver.reports(now)]
        made = [sender.report(now, time.time()) for sender, _ in self.senders.values()]
        sent = [report for report in made if report is not None]
        if sent:
            sent[0].reports.extend(blocks)
            head = b"".join(bytes(report) for report in sent)
        else:
            head = bytes(RtcpRrPacket(self._own_ssrc, blocks))
        ssrcs = [report.ssrc for report in sent] or [self._own_ssrc]
        names = bytes(RtcpSdesPacket([RtcpSourceInfo(ssrc, [(1, self._cname)]) for ssrc in ssrcs]))
        return head + names + b"".join(receiver.bitrate_offer() for receiver in self.receivers.values())

    def _set_media_state(self, state: str) -> None:
        before, self.media_state = self.media_state, state
        if before != state and self.on_media_state is not None:
            self.on_media_state(before, state)
