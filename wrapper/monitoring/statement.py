"""Statement: what a wrapper says of itself to operators, beside its lease: its load, and what waits where it looked."""

from collections.abc import Mapping
from datetime import datetime
from time import monotonic, process_time

from callplane.contracts.ids import SessionId
from callplane.contracts.operations import FailoverView
from callplane.store.processes import ONE_LOSS, Said


class LastFailover:
    """The last loss of a media server: which sessions this wrapper has placed anew, and how long the slowest took."""

    known: FailoverView | None = None

    def placed(self, session_id: SessionId, at: datetime, seconds: float) -> None:
        """One more has media again, after so many seconds."""
        before, own = self.known, FailoverView(at=at, sessions=1, seconds=round(seconds, 2), session_id=session_id)
        if before is not None and at - before.at <= ONE_LOSS:
            slowest = own if own.seconds > before.seconds else before
            own = slowest.model_copy(update={"at": at, "sessions": before.sessions + 1})
        self.known = own


class Statement:
    """Made at each look; load and waiting are since the last ones."""

    def __init__(self, failover: LastFailover | None = None) -> None:
        self._failover = failover or LastFailover()
        self._looked, self._worked = monotonic(), process_time()
        """When this was asked last, and the CPU seconds of this process until then."""
        self._waiting: dict[str, float] = {}
        """By queue that was not empty at the last look: since which look it has not been."""

    def made(self, depths: Mapping[str, int], reached: frozenset[str], sessions: int, shards: int) -> Said:
        """As of now."""
        now, worked = monotonic(), process_time()
        load = (worked - self._worked) / max(now - self._looked, 0.001)
        self._looked, self._worked = now, worked
        self._waiting = {name: self._waiting.get(name, now) for name, depth in depths.items() if depth}
        waiting = {name: round(now - since, 1) for name, since in self._waiting.items()}
        return Said(
            load=round(load, 3),
            sessions=sessions,
            shards=shards,
            media_servers=sorted(reached),
            depths=dict(depths),
            waiting=waiting,
            failover=self._failover.known,
        )
