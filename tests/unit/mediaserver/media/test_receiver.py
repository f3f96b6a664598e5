"""What comes from a publisher and what is asked of it."""

from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, unpack_remb_fci
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.media.flow import Flow, Inlet, Outlet
from mediaserver.media.inbound import SourceClock
from mediaserver.media.packet import HEADER, Packet
from mediaserver.media.receiver import Receiver, ReceiverOptions

KEY, INTER = b"\x10\x00data", b"\x10\x01data"


class Sink:
    """A consumer that keeps everything and may want key frames."""

    def __init__(self) -> None:
        self.got: list[Packet] = []
        self.content = True

    def push(self, packet: Packet, now: float) -> bool:
        """Take a packet."""
        self.got.append(packet)
        return self.content

    def interrupted(self) -> None:
        """It keeps what it has."""


class Bench:
    """A receiver with one sink and the RTCP that it sent."""

    def __init__(self, kind: str = "video", remote_ssrc: int | None = None, *, layered: bool = False) -> None:
        self.rtcp: list[bytes] = []
        self.sink = Sink()
        outlet, inlet = Outlet(Flow(lambda flowing: None)), Inlet(Flow(lambda flowing: None))
        inlet.consumer = self.sink
        outlet.attach(inlet)
        options = ReceiverOptions(kind, 99, remote_ssrc, 1500, layered)
        self.receiver = Receiver(options, outlet, SourceClock(), self.rtcp.append)

    def receive(self, number: int, payload: bytes = INTER, now: float = 0.0, ssrc: int = 5) -> None:
        """Deliver a packet."""
        self.receiver.receive(HEADER.pack(0x80, 0x80 | 97, number, number * 3000, ssrc) + payload, now)

    def sent(self, kind: type, fmt: int) -> list[object]:
        """Return the RTCP packets of a kind."""
        packets = [p for data in self.rtcp for p in RtcpPacket.parse(data)]
        return [p for p in packets if isinstance(p, kind) and p.fmt == fmt]

    @property
    def plis(self) -> int:
        """How often a key frame was asked for."""
        return len(self.sent(RtcpPsfbPacket, 1))


def test_a_packet_is_stripped_to_its_payload() -> None:
    bench = Bench()
    extension = bytes.fromhex("bede0001") + b"\x32abc"
    padded = KEY + b"\0\0\x03"
    data = HEADER.pack(0x80 | 0x10 | 0x20 | 1, 97, 1, 3000, 5) + b"csrc" + extension + padded
    bench.receiver.receive(data, 0.0)
    (packet,) = bench.sink.got
    assert (packet.payload, packet.key, packet.marker) == (KEY, True, 0)


def test_a_probe_of_padding_keeps_its_number_and_loses_its_weight() -> None:
    bench = Bench()
    bench.receive(1)
    bench.receiver.receive(HEADER.pack(0xA0, 97, 2, 3000, 5) + b"\0" * 200 + b"\xc9", 0.0)
    assert [len(p.payload) for p in bench.sink.got] == [len(INTER), 0]


def test_the_ceiling_is_offered_at_the_first_packet() -> None:
    bench = Bench()
    bench.receive(1)
    (remb,) = bench.sent(RtcpPsfbPacket, 15)
    assert isinstance(remb, RtcpPsfbPacket)
    bitrate, ssrcs = unpack_remb_fci(remb.fci)
    assert abs(bitrate - 1_500_000) < 10
    assert ssrcs == [5]


def test_missing_packets_are_asked_for_at_once_and_again() -> None:
    bench = Bench()
    bench.receive(1, KEY)
    bench.receive(4)
    (nack,) = bench.sent(RtcpRtpfbPacket, 1)
    assert isinstance(nack, RtcpRtpfbPacket)
    assert (nack.media_ssrc, nack.lost) == (5, [2, 3])
    bench.receive(2, now=0.05)
    bench.receiver.ask_again(0.15)
    again = bench.sent(RtcpRtpfbPacket, 1)[-1]
    assert isinstance(again, RtcpRtpfbPacket)
    assert again.lost == [3]


def test_audio_asks_for_nothing() -> None:
    bench = Bench("audio")
    bench.receive(1)
    bench.receive(4)
    bench.receiver.ask_again(0.5)
    bench.receiver.request_key_frame(0.5)
    assert bench.rtcp == []


def test_key_frames_are_asked_for_sparingly() -> None:
    bench = Bench(remote_ssrc=5)
    for now in (0.0, 0.1, 0.2):
        bench.receiver.request_key_frame(now)
    assert bench.plis == 1
    bench.receive(1, now=0.3)
    assert bench.plis == 1
    bench.receive(2, now=0.6)  # the request that was held back
    assert bench.plis == 2
    bench.receive(3, now=1.2)
    assert bench.plis == 2
    bench.receiver.request_key_frame(1.25)
    bench.receiver.request_key_frame(1.3)
    bench.receive(4, KEY, now=1.35)
    bench.receive(5, now=2.0)
    assert bench.plis == 3  # the key frame that came satisfied the one held back


def test_a_sink_that_is_not_content_asks_through_the_outlet() -> None:
    bench = Bench()
    bench.sink.content = False
    bench.receive(1)
    assert bench.plis == 1


def test_a_request_before_the_first_packet_is_kept() -> None:
    bench = Bench()
    bench.receiver.request_key_frame(0.0)
    assert bench.plis == 0
    bench.receive(1, now=1.0)
    assert bench.plis == 1


def test_another_ssrc_is_another_stream() -> None:
    bench = Bench()
    bench.receive(1, KEY)
    bench.receive(40000, KEY, ssrc=6)
    first, second = bench.sink.got
    assert first.stream is not second.stream
    assert bench.receiver.reports(0.0)[0].ssrc == 6


@given(st.binary(min_size=12, max_size=60))
def test_no_packet_breaks_it(data: bytes) -> None:
    Bench().receiver.receive(data, 0.0)


def test_of_layers_one_is_forwarded_whole() -> None:
    bench = Bench(remote_ssrc=5, layered=True)
    for number in range(10):
        for ssrc in (5, 6, 7):
            bench.receive(number, KEY, ssrc=ssrc)
    assert [packet.stream.ssrc for packet in bench.sink.got] == [5] * 10
    assert len({id(packet.stream) for packet in bench.sink.got}) == 1
