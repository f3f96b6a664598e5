"""A followed log: whatever comes, twice, late or out of order, its readers are given each entry once, in order."""

import random
from typing import Any, cast

from api.log.feed_log import FollowedLog
from api.log.ring import BYTES_AT_MOST, Ring
from callplane.contracts.ids import SessionId
from callplane.store.log.records import Entry, LogKey, Record

KEY = LogKey("s", SessionId("s"))


def _records(entries: int) -> list[Record]:
    """A log of so many entries, in records of one to four."""
    made: list[Record] = []
    first = 1
    while first <= entries:
        count = min(random.randint(1, 4), entries - first + 1)
        made.append(Record(first, tuple(Entry(str(first + n), "signal", b"{}") for n in range(count)), 1, 0))
        first += count
    return made


def _log(head: int = 0) -> FollowedLog:
    log = FollowedLog(KEY, cast(Any, None))
    log.begin(head)
    return log


def test_every_entry_is_given_once_in_order_however_its_records_come() -> None:
    for _ in range(200):
        records = _records(40)
        came = records * 2
        random.shuffle(came)
        log = _log()
        given: list[str] = []
        place = 0

        def read(log: FollowedLog = log, given: list[str] = given) -> None:
            nonlocal place
            page = log.recent(place, 100)
            assert page is not None
            given.extend(entry.id for _, entry in page.entries)
            place = log.head

        log.watch(read)
        heads = [log.head]
        for record in came:
            log.apply(record)
            heads.append(log.head)
        assert given == [str(n) for n in range(1, 41)]
        assert heads == sorted(heads)
        assert not log.has_gap


def test_what_comes_before_the_head_is_known_goes_on_from_it() -> None:
    records = _records(20)
    for begun in range(len(records)):
        log = FollowedLog(KEY, cast(Any, None))
        for record in records[: begun + 3]:
            log.apply(record)
        assert log.head == 0
        log.begin(records[begun].last)
        assert log.head == records[min(begun + 2, len(records) - 1)].last


def test_a_gap_is_seen_and_a_jump_forgets_what_cannot_be_read_on() -> None:
    log = _log()
    told: list[int] = []
    log.watch(lambda: told.append(log.head))
    log.apply(Record(5, (Entry("5", "signal", b"{}"),), 1, 0))
    assert (log.head, log.has_gap, told) == (0, True, [])
    log.jump(5)
    assert (log.head, log.has_gap, told) == (5, False, [5])
    assert log.recent(3, 10) is None
    log.jump(4)
    assert log.head == 5


def test_nobody_is_told_after_unwatching() -> None:
    log = _log()
    told: list[int] = []

    def on_news() -> None:
        told.append(log.head)
        log.unwatch(on_news)

    log.watch(on_news)
    for record in _records(8):
        log.apply(record)
    assert len(told) == 1


def test_a_ring_is_bounded_by_bytes_and_gives_parts() -> None:
    ring = Ring()
    for at in range(1, 200):
        ring.add([(at, Entry(str(at), "signal", b"x" * 1000))])
    assert BYTES_AT_MOST - 1000 <= ring.size <= BYTES_AT_MOST
    assert ring.behind(1, 199, 10) is None
    some = ring.behind(190, 199, 3)
    assert some is not None
    assert [at for at, _ in some] == [191, 192, 193]
    assert ring.behind(199, 199, 3) == []
    assert ring.behind(500, 199, 3) == [], "a place from the future waits"
    ring.add([(200, Entry("200", "signal", b"x" * 2 * BYTES_AT_MOST))])
    assert [at for at, _ in ring.behind(199, 200, 9) or ()] == [200], "one that is longer than a ring is kept"
