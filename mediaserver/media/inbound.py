"""Inbound statistics: order, loss and jitter of one incoming RTP stream (RFC 3550, 6.4 and A.8)."""

from dataclasses import dataclass, field

from aiortc.rtp import RtcpReceiverInfo

REORDER = 100
"""A gap wider than this is not asked for again packet by packet; a key frame heals it."""

PATIENCE = 1.0
ATTEMPTS = 10


@dataclass
class SourceClock:
    """How far a publisher's clock is from ours; one for its audio and video, so that they stay together."""

    offset: float | None = None


@dataclass(eq=False)
class Inbound:
    """One SSRC of a publisher."""

    ssrc: int
    rate: int
    clock: SourceClock
    first: int = -1
    highest: int = -1
    received: int = 0
    octets: int = 0
    jitter: float = 0.0
    missing: dict[int, tuple[float, int]] = field(default_factory=dict)
    report: tuple[float, int, float, int] | None = None
    _transit: float | None = None
    _expected_before: int = 0
    _received_before: int = 0

    def place(self, number: int, now: float) -> int | None:
        """Return the number beyond 16 bits of a new packet; None for a repeated or very late one."""
        if self.highest < 0:
            # two rounds up, so that packets just before the first have a number as well
            self.first = self.highest = number + 0x20000
            return self.highest
        ahead = (number - self.highest) & 0xFFFF
        if ahead < 0x8000:
            if ahead == 0:
                return None
            for gap in range(max(self.highest + 1, self.highest + ahead - REORDER), self.highest + ahead):
                self.missing[gap] = (now, 0)
            self.highest += ahead
            return self.highest
        late = self.highest - (0x10000 - ahead)
        return late if self.missing.pop(late, None) is not None else None

    def count(self, timestamp: int, size: int, now: float) -> None:
        """Count a packet and its jitter."""
        self.received += 1
        self.octets += size
        transit = now * self.rate - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self.rate * 10:  # a wrapped timestamp is no jitter
                self.jitter += (change - self.jitter) / 16
        self._transit = transit

    def overdue(self, now: float, every: float) -> list[int]:
        """Return the numbers to ask for again now, and give up those that are too old."""
        asked = []
        for number, (since, attempts) in list(self.missing.items()):
            if now - since > PATIENCE or attempts >= ATTEMPTS:
                del self.missing[number]
            elif now - since >= attempts * every:
                self.missing[number] = (since, attempts + 1)
                asked.append(number & 0xFFFF)
        return asked

    @property
    def lost(self) -> int:
        """Packets expected but not received."""
        return self.highest - self.first + 1 - self.received if self.highest >= 0 else 0

    def receiver_report(self, now: float) -> RtcpReceiverInfo:
        """Make the report block for this stream."""
        expected = self.highest - self.first + 1
        interval = expected - self._expected_before
        lost = interval - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        fraction = min(255, max(0, lost * 256 // interval)) if interval > 0 else 0
        lsr, delay = 0, 0
        if self.report is not None:
            lsr = self.report[3]
            delay = min(0xFFFFFFFF, int((now - self.report[2]) * 65536))
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            packets_lost=max(0, min(self.lost, 0x7FFFFF)),
            highest_sequence=(self.highest - 0x20000) & 0xFFFFFFFF,
            jitter=int(self.jitter),
            lsr=lsr,
            dlsr=delay,
        )

    def source_time(self, wall: float) -> int | None:
        """Say what the publisher's RTP clock shows at a moment of ours; None before its first report."""
        if self.report is None or self.clock.offset is None:
            return None
        ntp, rtp = self.report[:2]
        return int(rtp + (wall - self.clock.offset - ntp) * self.rate)
