"""What a viewer is sent: unbroken numbers whatever the sources do."""

from aiortc.rtp import RtcpReceiverInfo

from mediaserver.media.inbound import Inbound, SourceClock
from mediaserver.media.packet import HEADER, Packet
from mediaserver.media.sender import HISTORY, Sender


class Wire:
    """What went out, decoded."""

    def __init__(self, sender: Sender) -> None:
        self.sent: list[tuple[int, int, int, int, int]] = []
        self.again: list[bytes] = []
        self.working = True
        sender.open(self.send, self.again.append)

    def send(self, data: bytes) -> bytes | None:
        """Take a packet."""
        if not self.working:
            return None
        self.sent.append(HEADER.unpack_from(data))
        return b"protected:" + data

    @property
    def numbers(self) -> list[int]:
        """The sequence numbers in their order."""
        return [each[2] for each in self.sent]


def source(ssrc: int) -> Inbound:
    """Make a publisher's stream."""
    return Inbound(ssrc, 90000, SourceClock())


def packet(stream: Inbound, number: int, *, key: bool = False) -> Packet:
    """Make the packet of that number, one frame each, as the newest one."""
    stream.highest = number
    return Packet(stream, number, number * 3000, 0x80, b"\x10" + bytes([0 if key else 1]), key)


def video(ssrc: int = 7000) -> Sender:
    """Make a video sender."""
    return Sender("video", 90000, 97, ssrc)


def test_it_begins_at_a_key_frame() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    assert sender.push(packet(one, 10), 0.0) is False
    assert sender.push(packet(one, 11, key=True), 0.0) is True
    assert sender.push(packet(one, 12), 0.0) is True
    assert sender.push(packet(one, 10), 0.0) is True  # late, from before the key frame: not for this viewer
    first = wire.numbers[0]
    assert wire.numbers == [first, first + 1]
    flags, second, _, _, ssrc = wire.sent[0]
    assert (flags, second, ssrc) == (0x80, 0x80 | 97, 7000)


def test_after_an_interruption_it_waits_for_a_key_frame_and_goes_on_without_a_break() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    sender.push(packet(one, 10, key=True), 0.0)
    sender.interrupted()
    assert sender.push(packet(one, 11), 0.1) is False
    assert sender.push(packet(one, 12, key=True), 0.4) is True
    first, second = wire.sent
    assert second[2] == first[2] + 1
    assert second[3] - first[3] == int(0.4 * 90000), "the viewer's clock shows the gap"


def test_it_does_not_begin_at_a_key_frame_that_came_late() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    late = packet(one, 10, key=True)
    assert sender.push(packet(one, 11), 0.0) is False
    assert sender.push(late, 0.0) is False
    assert sender.push(packet(one, 12, key=True), 0.0) is True
    assert len(wire.sent) == 1


def test_audio_begins_anywhere() -> None:
    sender = Sender("audio", 48000, 111, 9)
    wire = Wire(sender)
    assert sender.push(packet(source(1), 5), 0.0) is True
    assert len(wire.sent) == 1


def test_a_change_of_source_leaves_no_gap() -> None:
    sender, one, two = video(), source(1), source(2)
    wire = Wire(sender)
    sender.push(packet(one, 10, key=True), 1.0)
    sender.push(packet(one, 11), 1.1)
    assert sender.push(packet(two, 50000), 1.2) is False
    sender.push(packet(two, 50001, key=True), 1.6)
    sender.push(packet(two, 50002), 1.7)
    first = wire.numbers[0]
    assert wire.numbers == [first, first + 1, first + 2, first + 3]
    times = [each[3] for each in wire.sent]
    assert times[2] - times[1] == 45000  # half a second passed
    assert times[3] - times[2] == 3000


def test_late_packets_keep_their_place() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    for number in (10, 11, 13, 12, 14):
        sender.push(packet(one, number, key=number == 10), 0.0)
    first = wire.numbers[0]
    assert wire.numbers == [first, first + 1, first + 3, first + 2, first + 4]


def test_numbers_wrap() -> None:
    sender, one = video(0x7FFF), source(1)
    wire = Wire(sender)
    for number in range(0x8005):
        sender.push(packet(one, number, key=number == 0), 0.0)
    assert wire.numbers[0x8000] == 0xFFFF
    assert wire.numbers[0x8001] == 0


def test_a_retransmission_repeats_what_went_out() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    for number in range(HISTORY + 1):
        sender.push(packet(one, number, key=number == 0), 0.0)
    first = wire.numbers[0]
    sender.retransmit([first, first + 1, first + 999])
    assert [HEADER.unpack_from(each[10:])[2] for each in wire.again] == [first + 1]


def test_nothing_goes_out_before_it_is_open_or_after_it_is_closed() -> None:
    sender, one = video(), source(1)
    assert sender.push(packet(one, 1, key=True), 0.0) is True
    assert sender.report(0.0, 0.0) is None
    wire = Wire(sender)
    assert sender.push(packet(one, 2), 0.0) is False  # the key frame came too early: it needs another
    wire.working = False
    sender.push(packet(one, 3, key=True), 0.0)
    assert sender.packets == 0
    wire.working = True
    sender.push(packet(one, 4), 0.0)
    sender.close()
    sender.push(packet(one, 5), 0.0)
    assert len(wire.sent) == 1


def test_reports_follow_the_publishers_clock() -> None:
    sender, one = video(), source(1)
    wire = Wire(sender)
    sender.push(packet(one, 10, key=True), 5.0)
    shift = wire.sent[0][3] - 30000
    early = sender.report(6.0, 1000.0)
    assert early is not None
    assert early.sender_info.rtp_timestamp == (30000 + shift + 90000) & 0xFFFFFFFF
    one.clock.offset = 100.0
    one.report = (899.0, 40000, 0.0, 0)
    report = sender.report(7.0, 1000.0)
    assert report is not None
    assert report.sender_info.rtp_timestamp == (40000 + 90000 + shift) & 0xFFFFFFFF
    assert report.sender_info.ntp_timestamp >> 32 == 1000 + 2208988800


def test_a_report_tells_the_round_trip_and_a_report_on_nothing_does_not() -> None:
    sender, wall = video(), 1_700_000_000.0
    now = int((wall + 2208988800) * 2**16) & 0xFFFFFFFF
    assert sender.round_trip == 0
    sender.reported(RtcpReceiverInfo(7000, 0, 3, 9, 1, 0, 0), wall)
    assert (sender.round_trip, sender.remote_loss) == (0, (3, 0, 1))
    held = 2**15
    sender.reported(RtcpReceiverInfo(7000, 0, 0, 9, 1, now - held - 655, held), wall)
    assert sender.round_trip == 655 / 2**16
    sender.reported(RtcpReceiverInfo(7000, 0, 0, 9, 1, now - held, held + 1), wall)
    assert 0 < sender.round_trip < 0.0001, "rounded clocks"
