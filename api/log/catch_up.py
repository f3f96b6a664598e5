"""Catching up: what followed logs lack is read, where a hint shows a gap, and where a look finds that none came.

Nothing is believed for more than ten seconds: each second a tenth of the logs is asked for the very records that must
come next, and while the broker is away all of them are.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from api.log.feed_log import FollowedLog
from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.log.reader import LogReader
from callplane.telemetry.logs import logger


@dataclass(frozen=True, slots=True)
class FeedTiming:
    """Seconds; and how much of memory all rings may take, and how many logs are looked at in one round."""

    gap: float = 0.05
    look: float = 1.0
    rounds: int = 10
    idle: float = 30.0
    silent: float = 60.0
    """A log that was not looked at for so long may have been cut behind our head: its end is asked for."""
    ring_bytes: int = 64 << 20
    at_once: int = 5_000


@dataclass(slots=True)
class FeedCounts:
    """What happened, since the beginning."""

    hints: int = 0
    unreadable: int = 0
    gaps_read: int = 0
    found_by_look: int = 0
    pages_read: int = 0
    feeds: int = 0
    """How many sessions are followed now."""
    ring_bytes: int = 0
    """Bytes of the bodies that all rings hold now."""
    reader_lag: int = 0
    """How many entries the slowest reader has yet to be given now."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What catching up asks of the feeds: all logs, whether hints come, and whom to tell of what a log lacked."""

    logs: Callable[[], list[FollowedLog]]
    is_linked: Callable[[], bool]
    grew: Callable[[FollowedLog], None]
    """Told that a log's ring is not what it was."""
    missed: Callable[[FollowedLog], None]
    """Told of a log of which a hint should have come, and did not."""


class CatchUp:
    """Reads on from the heads of logs."""

    def __init__(self, followed: Followed, reader: LogReader, counts: FeedCounts, timing: FeedTiming) -> None:
        self._followed = followed
        self._reader = reader
        self._counts = counts
        self._timing = timing
        self._turn = 0
        """Which part of the logs is looked at next."""
        self._gaps: set[FollowedLog] = set()
        """Those of which something is to be read."""
        self._gap_seen = asyncio.Event()

    def gap_seen(self, log: FollowedLog) -> None:
        """What lies before a hint that came is read soon, if it does not come by then."""
        asyncio.get_running_loop().call_later(self._timing.gap, self._note_gap, log)

    def _note_gap(self, log: FollowedLog) -> None:
        if log.has_gap and not log.left:
            self._gaps.add(log)
            self._gap_seen.set()

    async def run(self) -> None:
        """Read gaps and look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_gaps())
            tasks.create_task(self._look())

    async def _read_gaps(self) -> None:
        while True:
            await self._gap_seen.wait()
            self._gap_seen.clear()
            while self._gaps:
                some, self._gaps = self._gaps, set()
                self._counts.gaps_read += len(some)
                with suppress(Unavailable, Trouble):
                    await for_each(self._read_on, some)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._timing.look)
            with suppress(Unavailable, Trouble):
                await (self._look_at_some() if self._followed.is_linked() else self.look_at_all())

    async def look_at_all(self) -> None:
        """After a time without hints nothing is known: so many at once, and no faster than they may be asked for."""
        logs = self._followed.logs()
        for start in range(0, len(logs), self._timing.at_once):
            if start:
                await asyncio.sleep(self._timing.look)
            await self._look_at(logs[start : start + self._timing.at_once], missed=lambda _: None)

    async def _look_at_some(self) -> None:
        self._turn = (self._turn + 1) % self._timing.rounds
        mine = [log for log in self._followed.logs() if log.turn % self._timing.rounds == self._turn]
        await self._look_at(mine, missed=self._missed)

    def _missed(self, log: FollowedLog) -> None:
        self._counts.found_by_look += 1
        self._followed.missed(log)

    async def _look_at(self, logs: list[FollowedLog], missed: Callable[[FollowedLog], None]) -> None:
        if not logs:
            return
        now = asyncio.get_running_loop().time()
        await for_each(self._look_at_the_end, [log for log in logs if now - log.checked_at > self._timing.silent])
        by_key = {log.key: log for log in logs}
        behind = [by_key[key] for key in await self._reader.behind({log.key: log.head for log in logs})]
        for log in logs:
            log.checked_at = now
        await for_each(partial(self._compare, missed=missed), behind)

    async def _compare(self, log: FollowedLog, missed: Callable[[FollowedLog], None]) -> None:
        """Its hint may be on its way: what comes now was not missed."""
        await asyncio.sleep(self._timing.gap)
        before = log.head
        await self._read_on(log)
        if log.head == before:  # it is there, and cannot be read
            await self._look_at_the_end(log)
        if log.head > before:
            missed(log)

    async def _look_at_the_end(self, log: FollowedLog) -> None:
        """What would come next may be gone: nobody has looked for so long that it may have been cut away."""
        head = (await self._reader.head(log.key)).position
        await self._read_on(log)
        self._jump(log, head)

    async def _read_on(self, log: FollowedLog) -> None:
        """Read on from the head while records follow each other."""
        while chain := await self._reader.chain(log.key, log.head + 1):
            for record in chain:
                log.apply(record)
            self._followed.grew(log)
        if log.has_gap and not log.left:
            head = (await self._reader.head(log.key)).position
            if not await self._reader.chain(log.key, log.head + 1):
                logger("feeds").warning("a log goes on behind a gap", key=log.key.key, head=log.head, end=head)
                self._jump(log, head)

    def _jump(self, log: FollowedLog, head: int) -> None:
        log.jump(head)
        self._followed.grew(log)
