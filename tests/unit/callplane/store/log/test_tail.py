"""Tail of a log: who waits is told of the own entry's place alone, whatever of the same record is where (L4, L5)."""

from datetime import UTC, datetime

import pytest

from callplane.contracts.errors import Refusal, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.store.log.keys import FoundKey
from callplane.store.log.reader import Head
from callplane.store.log.records import Entry, Keyed, LogKey, entry_id, written
from callplane.store.log.tail import WAITING_AT_MOST, Tail


def event(version: int) -> Entry:
    """The event of a version."""
    return Entry(f"event {version}", "media-lost", b"{}", version=version)


def signal(name: str) -> Entry:
    """What is no event."""
    return Entry(name, "signal", b"{}")


def tail() -> Tail:
    """Of an empty log."""
    return Tail(LogKey("room", SessionId("room")))


def ids(one: Tail) -> list[str]:
    """What its record holds."""
    assert one.record is not None
    return [entry.id for entry in one.record.entries]


async def test_one_that_is_there_does_not_make_the_others_of_its_record_be_there() -> None:
    """Another carrier was first with the first of three events: the other two are pulled from no outbox yet."""
    one = tail()
    two, three, four = one.add([event(2), event(3), event(4)])
    one.next_record(Head())
    one.found({"event 2": 1, "of another": 2})
    assert (two.result(), three.done(), four.done(), one.is_idle) == (1, False, False, False)
    one.next_record(Head(2, 2, 4))
    assert one.record is not None
    assert (one.record.first, one.record.version, ids(one)) == (3, 4, ["event 3", "event 4"])
    one.appended()
    assert (three.result(), four.result(), one.is_idle) == (3, 4, True)


async def test_nothing_is_there_of_a_record_that_was_refused_by_anothers() -> None:
    """It goes behind that, before what has come meanwhile, and in its order."""
    one = tail()
    first = one.add([signal("a"), signal("b")])
    one.next_record(Head())
    one.add([signal("c")])
    one.found({})
    assert not any(place.done() for place in first)
    one.next_record(Head(7, 1, 20))
    assert ids(one) == ["a", "b", "c"]


async def test_what_the_log_has_by_its_version_is_done_and_what_follows_it_is_not() -> None:
    """However the carriers' portions overlap: up to the head's version it was told, behind that it is to be."""
    one = tail()
    places = one.add([event(4), signal("said"), event(3), event(2)])
    one.next_record(Head(5, 3, 9))
    assert [place.done() and place.result() is None for place in places] == [False, False, True, True]
    assert ids(one) == ["event 4", "said"]


async def test_an_event_behind_a_gap_is_given_back_and_comes_again_later() -> None:
    one = tail()
    (five,) = one.add([event(5)])
    assert one.behind_gap(2) == {"event 5"}
    one.next_record(Head(1, 2, 2))
    with pytest.raises(Trouble):
        five.result()
    assert one.is_idle
    assert one.record is None
    (again,) = one.add([event(5)])
    assert one.behind_gap(4) == frozenset()
    one.next_record(Head(3, 4, 6))
    one.appended()
    assert again.result() == 4


async def test_an_id_that_is_on_its_way_is_joined_and_no_more_wait_than_may() -> None:
    one = tail()
    (place,) = one.add([signal("same")])
    one.next_record(Head())
    (joined,) = one.add([signal("same")])
    assert joined is place
    with pytest.raises(Unavailable):
        one.add([signal(str(n)) for n in range(WAITING_AT_MOST)])
    one.appended()
    assert (place.result(), one.is_idle) == (1, True)
    (after,) = one.add([signal("same")])
    assert after is not place, "a client's repeat is an entry of its own once the first is known"


def under(key: str, body_hash: bytes, to: str | None = None, *, enters: bool = True) -> Entry:
    """What is sent under a key."""
    return Entry(entry_id(key, to), "signal", b"{}", to=to, keyed=Keyed(key, body_hash, enters))


async def test_what_was_sent_under_a_key_is_done_and_what_shares_its_record_is_sent() -> None:
    one = tail()
    repeat, other, event_2 = one.add([under("k", b"1"), under("k2", b"1"), event(2)])
    one.next_record(Head())
    one.is_there({"k": FoundKey(b"1", 7, {"k": 7}), "k2": FoundKey(b"2", 8, {"k2": 8})})
    assert repeat.result() == 7
    assert isinstance(other.exception(), Refusal)
    one.next_record(Head(8, 1, 8))
    assert ids(one) == ["event 2"]
    one.appended()
    assert (event_2.result(), one.is_idle) == (9, True)


async def test_what_is_missing_of_a_signal_is_sent_without_its_key() -> None:
    """Also where what has the key cannot be read."""
    for found, left in ((FoundKey(b"1", 3, {"k/a": 3}), ["k/b"]), (FoundKey(None, 3), ["k/a", "k/b"])):
        one = tail()
        one.add([under("k", b"1", "a"), under("k", b"1", "b", enters=False)])
        one.next_record(Head())
        one.is_there({"k": found})
        one.next_record(Head(3, 1, 3))
        assert ids(one) == left
        assert one.record is not None
        assert "u" not in written(one.key, one.record, datetime.now(UTC))
        one.appended()
        assert one.is_idle


async def test_another_request_under_a_key_that_is_on_its_way_is_refused() -> None:
    one = tail()
    one.add([under("k", b"1", "a"), under("k", b"1", "b", enters=False)])
    for other in (under("k", b"2", "a"), under("k", b"2", "c"), under("k", b"2")):
        with pytest.raises(Refusal):
            one.add([other])
    one.next_record(Head())
    one.found({"k/a": 1})
    with pytest.raises(Refusal):
        one.add([under("k", b"2", "b")])
