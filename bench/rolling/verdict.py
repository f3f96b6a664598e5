"""Verdict of a rolling restart: dropped calls, lost messages, requests that no retry cured."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

GAP_SECONDS = 3.0
ENDINGS = {"media-lost", "participant-left", "connection-failed", "participant-reconnecting", "session-closed"}
"""What nobody in a call may be told while only pods are replaced."""

Account = dict[str, Any]
Window = tuple[float, float]


@dataclass
class Records:
    """The accounts of everybody, as ``Caller.account`` and ``Visitor.account`` write them."""

    callers: list[Account]
    visitors: list[Account] = field(default_factory=list)

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Records":
        """Put together what several processes have written."""
        read = [json.loads(path.read_text()) for path in files]
        return cls([c for one in read for c in one["callers"]], [v for one in read for v in one["visitors"]])

    def requests(self) -> list[dict[str, Any]]:
        """Of callers and visitors."""
        return [one["requests"] for one in (*self.callers, *self.visitors)]


@dataclass
class Signals:
    """What became of numbered signals."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0


def signals(callers: list[Account]) -> Signals:
    """Compare what was acknowledged to each sender with what the other one heard, repeats by id left out."""
    by_seat = {one["seat"]: one for one in callers}
    found = Signals()
    for sender in callers:
        heard = by_seat[sender["other"]]["heard"]
        found.acknowledged += len(sender["acknowledged"])
        found.lost += len(set(sender["acknowledged"]) - set(heard))
        found.doubled += sum(times - 1 for times in Counter(heard).values())
        found.out_of_order += sum(later < earlier for earlier, later in pairwise(heard))
    return found


def version_gaps(caller: Account) -> int:
    """How often a version was missing when the next one came; what is not above the last applied is no news."""
    last, gaps = caller["snapshot"], 0
    for version in caller["versions"]:
        gaps += version > last + 1
        last = max(last, version)
    return gaps


def longest_gap(decoded: list[float], window: Window) -> float:
    """Of one stream, the longest time without a picture within the window."""
    begin, end = window
    times = [begin, *(at for at in decoded if begin < at < end), end]
    return max(later - earlier for earlier, later in pairwise(times))


@dataclass(frozen=True)
class Gaps:
    """The longest gap of each stream in one window."""

    seconds: list[float]

    def line(self) -> str:
        """Median, 95th percentile and maximum."""
        ordered = sorted(self.seconds)
        late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        return f"median {statistics.median(ordered):.2f} s, p95 {late:.2f} s, max {ordered[-1]:.2f} s"

    def over(self, limit: float) -> int:
        """How many streams had one that is longer."""
        return sum(gap > limit for gap in self.seconds)


def gaps(callers: list[Account], window: Window) -> Gaps:
    """Of every stream."""
    return Gaps([longest_gap(one["decoded"], window) for one in callers])


@dataclass
class Verdict:
    """The table of a run, and what is wrong in it."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def row(self, name: str, value: object, wrong: bool = False) -> None:
        """One line of the table."""
        self.rows.append((name, f"{value}{'   <- WRONG' if wrong else ''}"))
        if wrong:
            self.wrong.append(f"{name}: {value}")

    def add(self, *wrong: str) -> None:
        """Something that has no line of its own."""
        self.wrong += wrong

    def text(self) -> str:
        """The table."""
        width = max(len(name) for name, _ in self.rows)
        return "\n".join(f"{name:{width}}  {value}" for name, value in self.rows)


def judge(records: Records, rolling: Window, calm: Window, limit: float = GAP_SECONDS) -> Verdict:
    """Everything that the people's accounts can say."""
    verdict = Verdict()
    _media(verdict, records.callers, (rolling, calm), limit)
    _messages(verdict, records.callers)
    _requests(verdict, records)
    return verdict


def _media(verdict: Verdict, callers: list[Account], windows: tuple[Window, Window], limit: float) -> None:
    rolling, calm = (gaps(callers, window) for window in windows)
    verdict.row("streams", len(callers))
    verdict.row("longest gap of a stream, pods replaced", rolling.line())
    verdict.row("longest gap of a stream, same time without", calm.line())
    verdict.row(f"streams with a gap over {limit:g} s", rolling.over(limit), rolling.over(limit) > 0)
    told = Counter(kind for one in callers for kind, _ in one["told"] if kind in ENDINGS)
    verdict.row("told that media or somebody is gone", dict(told) or 0, bool(told))
    hung_up = Counter(what for one in callers for what in one["hung_up"])
    verdict.row("connections that ended", dict(hung_up) or 0, bool(hung_up))
    ended = [f"{one['name']}: the mailbox ended: {one['ended']}" for one in callers if one["ended"]]
    verdict.row("mailboxes that ended", len(ended), bool(ended))
    verdict.add(*ended)


def _messages(verdict: Verdict, callers: list[Account]) -> None:
    found = signals(callers)
    doubtful = sum(len(one["doubtful"]) for one in callers)
    verdict.row("signals acknowledged", found.acknowledged, found.acknowledged == 0)
    verdict.row("signals never acknowledged", doubtful, doubtful > 0)
    verdict.row("signals lost", found.lost, found.lost > 0)
    verdict.row("signals doubled", found.doubled, found.doubled > 0)
    verdict.row("signals out of order", found.out_of_order, found.out_of_order > 0)
    versions = sum(len(one["versions"]) for one in callers)
    missing = sum(version_gaps(one) for one in callers)
    verdict.row("versions heard", versions, versions == 0)
    verdict.row("gaps in the versions", missing, missing > 0)


def _requests(verdict: Verdict, records: Records) -> None:
    requests = records.requests()
    trouble: Counter[str] = sum((Counter(one["trouble"]) for one in requests), Counter())
    failed = [line for one in requests for line in one["failed"]]
    verdict.row("visitors' rounds", sum(one["rounds"] for one in records.visitors))
    verdict.row("requests", sum(one["asked"] for one in requests))
    verdict.row("requests that were repeated", sum(one["retried"] for one in requests))
    verdict.row("what single tries met", dict(trouble.most_common()) or "nothing")
    slowest = max((one["slowest"] for one in requests), default=0.0)
    verdict.row("longest until a request succeeded, polls left out", f"{slowest:.1f} s")
    verdict.row("requests that failed after retry", len(failed), bool(failed))
    verdict.add(*failed[:10])
