"""Order, loss and reports of one stream."""

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.media.inbound import Inbound, SourceClock


def stream() -> Inbound:
    """Make a video stream."""
    return Inbound(1, 90000, SourceClock())


def test_numbers_go_on_beyond_16_bits() -> None:
    one = stream()
    placed = [one.place(number & 0xFFFF, 0.0) for number in range(65530, 65545)]
    assert placed == list(range(placed[0] or 0, (placed[0] or 0) + 15))


def test_a_late_packet_is_taken_once() -> None:
    one = stream()
    first = one.place(10, 0.0)
    assert first is not None
    assert one.place(13, 0.0) == first + 3
    assert one.place(11, 0.1) == first + 1
    assert one.place(11, 0.2) is None
    assert one.place(13, 0.2) is None
    assert one.place(9, 0.2) is None
    assert list(one.missing) == [first + 2]


def test_missing_packets_are_asked_for_until_patience_ends() -> None:
    one = stream()
    one.place(10, 0.0)
    one.place(13, 0.0)
    assert one.overdue(0.0, 0.1) == [11, 12]
    assert one.overdue(0.05, 0.1) == []
    assert one.overdue(0.1, 0.1) == [11, 12]
    assert one.overdue(1.1, 0.1) == []
    assert one.missing == {}


def test_a_wide_gap_is_not_asked_for_packet_by_packet() -> None:
    one = stream()
    one.place(0, 0.0)
    one.place(20_000, 0.0)
    assert len(one.missing) <= 100


def test_the_report_block() -> None:
    one = stream()
    for number in (0, 1, 2, 5):
        one.place(number, 0.0)
        one.count(number * 3000, 1000, number / 30)
    block = one.receiver_report(1.0)
    assert (block.packets_lost, block.fraction_lost, block.highest_sequence) == (2, 2 * 256 // 6, 5)
    assert block.jitter == 0
    assert one.receiver_report(2.0).fraction_lost == 0
    one.report = (0.0, 0, 2.0, 77)
    block = one.receiver_report(2.5)
    assert (block.lsr, block.dlsr) == (77, 32768)


def test_both_kinds_of_a_publisher_share_one_clock() -> None:
    clock = SourceClock()
    audio, video = Inbound(1, 48000, clock), Inbound(2, 90000, clock)
    assert audio.source_time(100.0) is None
    clock.offset = 50.0
    audio.report, video.report = (40.0, 1000, 0.0, 0), (41.0, 5000, 0.0, 0)
    assert audio.source_time(92.0) == 1000 + 2 * 48000
    assert video.source_time(92.0) == 5000 + 90000


@given(st.lists(st.integers(0, 65535), max_size=200))
def test_any_order_keeps_its_books(numbers: list[int]) -> None:
    one = stream()
    placed = [p for n in numbers if (p := one.place(n, 0.0)) is not None]
    assert len(placed) == len(set(placed))
    assert all(p & 0xFFFF == n for n, p in zip(numbers[:1], placed[:1], strict=True))
