"""RTCP of one peer: states, retransmission, key frames."""

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.media.flow import Flow, Inlet, Outlet
from mediaserver.media.inbound import Inbound, SourceClock
from mediaserver.media.packet import Packet
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sender import Sender


class Fixture:
    """A session that sends video of one source to its peer."""

    def __init__(self, timeout: float = 10.0) -> None:
        self.sent: list[bytes] = []
        self.states: list[tuple[str, str]] = []
        self.asked = 0
        self.again: list[bytes] = []
        self.session = RtpSession("cname", 3, self.sent.append, timeout)
        self.session.on_media_state = lambda before, state: self.states.append((before, state))
        self.inlet = Inlet(Flow(lambda flowing: None))
        outlet = Outlet(Flow(lambda flowing: None))
        outlet.ask = self._ask
        outlet.attach(self.inlet)
        self.sender = Sender("video", 90000, 97, 7000)
        self.inlet.consumer = self.sender
        self.sender.open(lambda data: data, self.again.append)
        self.session.senders[7000] = (self.sender, self.inlet)
        stream = Inbound(1, 90000, SourceClock(), highest=1)
        outlet.forward(Packet(stream, 1, 0, 0x80, b"\x10\x00", True), 0.0)

    def _ask(self, now: float) -> None:
        self.asked += 1


def rr(ssrc: int = 55) -> bytes:
    """Make a receiver report about our video."""
    return bytes(RtcpRrPacket(ssrc, [RtcpReceiverInfo(7000, 12, 3, 0, 4, 0, 0)]))


def test_the_first_report_connects_and_a_bye_of_all_disconnects() -> None:
    one = Fixture()
    one.session.on_rtcp(rr(55) + rr(56))
    assert one.states == [("DISCONNECTED", "CONNECTED")]
    assert one.sender.remote_loss == (3, 12, 4)
    one.session.on_rtcp(bytes(RtcpByePacket([55])))
    assert len(one.states) == 1
    one.session.on_rtcp(bytes(RtcpByePacket([56])))
    assert one.states[-1] == ("CONNECTED", "DISCONNECTED")
    one.session.on_rtcp(rr(55))
    assert one.session.media_state == "CONNECTED"


def test_silence_disconnects() -> None:
    one = Fixture(timeout=0.0)
    one.session.on_rtcp(rr())
    one.session.tick(1e12)
    assert one.session.media_state == "DISCONNECTED"


def test_nacks_and_key_frame_requests() -> None:
    one = Fixture()
    first = 7000 & 0x7FFF
    one.session.on_rtcp(bytes(RtcpRtpfbPacket(1, 55, 7000, [first])))
    assert len(one.again) == 1
    one.session.on_rtcp(bytes(RtcpPsfbPacket(1, 55, 7000)))
    fir = (7000).to_bytes(4, "big") + b"\x01\0\0\0"
    one.session.on_rtcp(bytes(RtcpPsfbPacket(4, 55, 0, fir)))
    one.session.on_rtcp(bytes(RtcpPsfbPacket(1, 55, 12345)))
    assert (one.asked, one.sender.plis) == (2, 2)


def test_a_report_of_ours_each_second() -> None:
    one = Fixture()
    one.session.tick(10.0)
    one.session.tick(10.5)
    one.session.tick(11.0)
    assert len(one.sent) == 2
    report, names = RtcpPacket.parse(one.sent[0])
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.packet_count) == (7000, 1)
    assert isinstance(names, RtcpSdesPacket)
    assert names.chunks[0].items == [(1, b"cname")]


def test_it_says_good_bye() -> None:
    one = Fixture()
    one.session.leave()
    assert [p.sources for p in RtcpPacket.parse(one.sent[0]) if isinstance(p, RtcpByePacket)] == [[7000, 3]]
    assert one.inlet.consumer is None


def test_a_foreign_sender_report_is_no_trouble() -> None:
    one = Fixture()
    one.session.on_rtcp(bytes(RtcpSrPacket(1, RtcpSenderInfo(0, 0, 0, 0))))
    assert one.session.media_state == "CONNECTED"


@given(st.binary(max_size=80), st.sampled_from([200, 201, 202, 203, 205, 206]))
def test_nothing_breaks_it(data: bytes, kind: int) -> None:
    one = Fixture()
    one.session.on_rtcp(data)
    body = data[: len(data) // 4 * 4]
    one.session.on_rtcp(bytes([0x81, kind]) + (len(body) // 4).to_bytes(2, "big") + body)
    one.session.on_rtp(data)
