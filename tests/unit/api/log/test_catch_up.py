"""Catching up: every log gets its turn whatever comes and goes beside it, and the memory of rings is counted truly."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import bson
import pytest

from api.log.catch_up import CatchUp, FeedCounts, FeedTiming, Followed
from api.log.feed_log import FollowedLog
from api.log.feeds import Feeds, SeatFeed
from callplane.bus.memory.hints import MemoryHints
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.reader import Head, LogReader
from callplane.store.log.records import Entry, LogKey, Record, written
from testkit.servers.until import until

S, ANN = SessionId("s"), ParticipantId("ann")


def _record(first: int) -> Record:
    return Record(first, (Entry(str(first), "signal", b"x" * 100),), 1, 0)


@dataclass
class ReaderInMemory:
    """The reads of logs that end where it is said, and of which nothing follows."""

    ends: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    feeds: Feeds | None = None
    """Given a hint of the record behind the head while that is read."""
    away: bool = False
    failing: int = 0
    """How many of the next reads fail."""
    read: list[str] = field(default_factory=list)
    """Whose end was read."""

    async def head(self, log: LogKey) -> Head:
        """Its end."""
        self.read.append(log.key)
        await asyncio.sleep(0)
        if self.away or self.failing:
            self.failing = max(0, self.failing - 1)
            raise Unavailable("away")
        found = self.ends.get(log.key, 0)
        if self.feeds is not None:
            self.feeds._on_hint(bson.encode(written(log, _record(found + 1), datetime.now(UTC))))
        return Head(found)

    async def heads(self, logs: Sequence[LogKey]) -> dict[LogKey, Head]:
        """Their ends."""
        return {log: await self.head(log) for log in logs}

    async def chain(self, _log: LogKey, _first: int) -> list[Record]:
        """Nothing."""
        return []

    async def behind(self, heads: Mapping[LogKey, int]) -> list[LogKey]:
        """None of them."""
        self.asked += [log.key for log in heads]
        return []


async def test_each_log_is_looked_at_in_every_round_while_others_come_and_go() -> None:
    """L7: their places in a list move, and a log that is looked at by its place may never have a turn."""
    reader, turns = ReaderInMemory(), count()

    def made() -> FollowedLog:
        turn = next(turns)
        log = FollowedLog(LogKey(str(turn), S), cast(LogReader, reader), turn)
        log.begin(0)
        return log

    gone, stays = [made() for _ in range(11)], [made() for _ in range(10)]
    logs = gone + stays
    followed = Followed(lambda: logs, lambda: True, lambda _: None, lambda _: None)
    catch_up = CatchUp(followed, cast(LogReader, reader), FeedCounts(), FeedTiming(rounds=10, silent=1e9))
    for _ in range(10):
        await catch_up._look_at_some()
        logs.pop(0)
        logs.append(made())
    assert {log.key.key for log in stays} <= set(reader.asked)


async def test_what_rings_hold_is_counted_truly_after_a_hint_in_the_first_read_and_after_a_jump() -> None:
    """Counted too high, rings would hold less and less, in the end nothing; too low, without a bound."""
    reader = ReaderInMemory({S: 5})
    feeds = Feeds(MemoryHints(), cast(LogReader, reader), FeedTiming(silent=0))
    reader.feeds = feeds
    seat = await feeds.open(S, ANN)
    assert (seat.session.head, feeds.ring_bytes) == (6, 200)  # one entry in each of the two logs

    reader.feeds, reader.ends = None, {S: 9, ANN: 1}
    await feeds._catch_up.look_at_all()
    assert (seat.session.head, seat.session.ring.size, feeds.ring_bytes) == (9, 0, 100)
    feeds._on_hint(bson.encode(written(seat.session.key, _record(10), datetime.now(UTC))))
    assert feeds.ring_bytes == 200

    seat.close()
    feeds._drop(feeds._feeds[S])
    assert feeds.ring_bytes == 0


async def test_a_log_whose_first_read_failed_is_not_kept() -> None:
    reader = ReaderInMemory()
    feeds = Feeds(MemoryHints(), cast(LogReader, reader))
    first = await feeds.open(S, ANN)
    reader.away = True
    with pytest.raises(Unavailable):
        await feeds.open(S, ParticipantId("ben"))
    assert set(feeds._feeds[S].logs) == {S, ANN}
    assert len(feeds._warm) == 2
    first.close()
    feeds._drop(feeds._feeds[S])


async def test_who_waits_for_a_first_read_that_fails_reads_for_himself_and_all_who_wait_read_once() -> None:
    reader = ReaderInMemory()
    feeds = Feeds(MemoryHints(), cast(LogReader, reader))
    first = await feeds.open(S, ANN)
    reader.failing = 1
    outcomes = await asyncio.gather(*(feeds.open(S, ParticipantId("ben")) for _ in range(3)), return_exceptions=True)
    failed, *opened = [one for one in outcomes if isinstance(one, Unavailable)], *outcomes[1:]
    assert len(failed) == 1
    seats = {id(one.seat) for one in opened if isinstance(one, SeatFeed)}
    assert (len(seats), reader.failing, reader.read) == (1, 0, [S, ANN, "ben", "ben"])
    assert set(feeds._feeds[S].logs) == {S, ANN, "ben"}
    first.close()
    for one in opened:
        assert isinstance(one, SeatFeed)
        one.close()
    assert set(feeds._feeds[S].logs) == {S, ANN, "ben"}, "for a while: who polls asks again"
    feeds._drop(feeds._feeds[S])


async def test_who_polls_again_and_again_has_the_end_of_its_log_read_once_and_who_stays_away_is_forgotten() -> None:
    reader = ReaderInMemory()
    feeds = Feeds(MemoryHints(), cast(LogReader, reader), FeedTiming(idle=0.05))
    stays = await feeds.open(S, ParticipantId("ben"))
    for _ in range(5):
        (await feeds.open(S, ANN)).close()
    assert reader.read == [S, "ben", ANN]

    async def forgotten() -> bool:
        return ANN not in feeds._feeds[S].logs

    await until(forgotten)
    assert set(feeds._feeds[S].logs) == {S, "ben"}
    assert len(feeds._warm) == 2
    stays.close()
    feeds._drop(feeds._feeds[S])


async def test_what_came_early_is_given_after_a_jump_to_before_it() -> None:
    log = FollowedLog(LogKey(S, S), cast(Any, None))
    log.begin(0)
    log.apply(_record(8))
    told: list[int] = []
    log.watch(lambda: told.append(log.head))
    log.jump(7)
    assert (told, log.has_gap) == ([8], False)
    page = log.recent(7, 10)
    assert page is not None
    assert [at for at, _ in page.entries] == [8]


async def test_each_hint_tells_where_its_log_ends_and_when_its_record_was_sent() -> None:
    """Also one that is old here, or comes behind a gap; not one of a session that nobody reads."""
    told: list[tuple[LogKey, Head, datetime]] = []
    reader = ReaderInMemory({S: 5})
    feeds = Feeds(MemoryHints(), cast(LogReader, reader), appended=lambda *one: told.append(one))
    feed = await feeds.open(S, ANN)
    at, log, other = datetime(2026, 1, 5, tzinfo=UTC), LogKey(S, S), LogKey("other", SessionId("other"))
    for key, first in ((log, 3), (log, 9), (other, 1)):
        feeds._on_hint(bson.encode(written(key, _record(first), at)))
    assert told == [(log, Head(3, 1, 0), at), (log, Head(9, 1, 0), at)]
    feed.close()
