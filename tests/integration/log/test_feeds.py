"""Feeds on a real mongod: nothing is missed by who follows a log, whether hints come or not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from api.log.catch_up import FeedTiming
from api.log.feeds import Feeds, SeatFeed
from callplane.bus.memory.hints import MemoryHintLink, MemoryHints
from callplane.concurrency import alongside
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.messengers import LogMessenger, open_log_messenger
from callplane.store.log.reader import Head, LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import DatabaseClock, open_database
from testkit.servers.servers import Database
from testkit.servers.until import until

S, ANN = SessionId("s"), ParticipantId("ann")
QUICK = FeedTiming(gap=0.02, look=0.05, rounds=2, idle=0.05, silent=60.0)


@dataclass
class Pod:
    """A pod's feeds, and somebody who appends."""

    hints: MemoryHints
    feeds: Feeds
    messenger: LogMessenger

    async def say(self, *ids: str) -> None:
        """Signals to everybody."""
        for one in ids:
            message = Message(id=one, type="signal", session_id=S, at=datetime.now(UTC), data={})
            await self.messenger.to_session(S, [message])


@asynccontextmanager
async def pod(database: Database, timing: FeedTiming = QUICK) -> AsyncIterator[Pod]:
    """On hints of its own."""
    hints = MemoryHints()
    async with (
        open_database(database.url, database.name) as opened,
        open_log_messenger(opened, DatabaseClock(opened), hints) as messenger,
    ):
        feeds = Feeds(hints, LogReader(opened), timing)
        async with alongside(feeds.run()):
            await until(lambda: _linked(feeds))
            yield Pod(hints, feeds, messenger)


async def _linked(feeds: Feeds) -> bool:
    return feeds.is_linked


def following(feed: SeatFeed) -> list[str]:
    """The ids that a reader at the head is given, as they come."""
    given: list[str] = []
    place = feed.session.head

    def on_news() -> None:
        nonlocal place
        page = feed.session.recent(place, 100)
        assert page is not None
        given.extend(entry.id for _, entry in page.entries)
        place = feed.session.head

    feed.session.watch(on_news)
    return given


async def _are(given: list[str], *wanted: str) -> bool:
    return given == list(wanted)


async def test_who_follows_is_given_what_is_appended_by_hints_alone(database: Database) -> None:
    async with pod(database, FeedTiming(look=60)) as one:
        await one.say("before")
        feed = await one.feeds.open(S, ANN)
        assert (feed.session.head, feed.seat.head) == (1, 0)
        given = following(feed)
        await one.say(*"abc")
        await until(lambda: _are(given, *"abc"))
        assert [entry.id for _, entry in (await feed.session.page(0, 10)).entries] == ["before", *"abc"]
        own = Message(id="own", type="answer", session_id=S, at=datetime.now(UTC), data={})
        await one.messenger.to_participant(ANN, own)
        await until(lambda: _head(feed, 1))
        assert given == list("abc")


async def _head(feed: SeatFeed, wanted: int) -> bool:
    return feed.seat.head == wanted


async def test_lost_hints_change_when_and_never_what(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    take = MemoryHintLink.take

    def lossy(link: MemoryHintLink, session_id: SessionId, hint: bytes) -> None:
        taken.append(hint)
        if len(taken) % 3 == 0:
            take(link, session_id, hint)
        elif len(taken) % 3 == 1:
            asyncio.get_running_loop().call_later(0.01, take, link, session_id, hint)

    monkeypatch.setattr(MemoryHintLink, "take", lossy)
    async with pod(database) as one:
        given = following(await one.feeds.open(S, ANN))
        ids = [str(number) for number in range(50)]
        await one.say(*ids)
        await until(lambda: _are(given, *ids))
        assert one.feeds.counts.gaps_read > 0


async def test_without_any_hint_a_look_finds_what_came_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryHintLink, "take", lambda *_: None)
    async with pod(database) as one:
        given = following(await one.feeds.open(S, ANN))
        await one.say(*"abc")
        await until(lambda: _are(given, *"abc"))

        async def said() -> bool:
            return one.feeds.counts.found_by_look > 0

        await until(said)


async def test_a_hint_during_the_first_read_is_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was appended behind the head that is being read, and its hint comes before the answer does."""
    heads, pods = LogReader.heads, list[Pod]()

    async def slow(reader: LogReader, logs: Sequence[LogKey]) -> dict[LogKey, Head]:
        found = await heads(reader, logs)
        if LogKey(S, S) in found:
            await pods[0].say("meanwhile")
            await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(LogReader, "heads", slow)
    async with pod(database, FeedTiming(look=60)) as one:
        pods.append(one)
        await one.say("before")
        feed = await one.feeds.open(S, ANN)
        assert feed.session.head == 2
        page = feed.session.recent(1, 10)
        assert page is not None
        assert [entry.id for _, entry in page.entries] == ["meanwhile"]


async def test_a_binding_that_was_lost_is_made_again(database: Database) -> None:
    async with pod(database) as one:
        given = following(await one.feeds.open(S, ANN))
        (link,) = one.hints._links
        link._bound.clear()
        await one.say("found")
        await until(lambda: _are(given, "found"))

        async def bound() -> bool:
            return S in link._bound and one.feeds.counts.found_by_look == 1

        await until(bound)
        await one.say("told")
        await until(lambda: _are(given, "found", "told"))


async def test_a_link_that_ends_is_made_again_with_its_bindings_and_all_is_looked_at(database: Database) -> None:
    async with pod(database, FeedTiming(look=60)) as one:
        given = following(await one.feeds.open(S, ANN))
        (link,) = one.hints._links
        one.hints._links.clear()
        await one.say("while it was away")
        link.ended.set()
        await until(lambda: _are(given, "while it was away"))
        await one.say("afterwards")
        await until(lambda: _are(given, "while it was away", "afterwards"))


async def test_what_was_cut_away_behind_a_pod_that_stood_still_is_jumped_over(database: Database) -> None:
    async with pod(database, FeedTiming(gap=0.02, look=0.05, rounds=1, silent=0.0)) as one:
        feed = await one.feeds.open(S, ANN)
        one.hints._links.clear()
        await one.say(*"abcde")
        async with database.client() as client:
            log = client[database.name]["log"]
            await log.delete_many({"_id": {"$lt": "s:000000000004"}})
        # It is asked for its end, for nobody has looked for a long time.
        await until(lambda: _session_head(feed, 5))
        page = await feed.session.page(0, 10)
        assert (page.gone, [entry.id for _, entry in page.entries]) == (True, ["d", "e"])


async def _session_head(feed: SeatFeed, wanted: int) -> bool:
    return feed.session.head == wanted


async def test_what_cannot_be_read_in_one_log_is_passed_over_and_ends_nothing(database: Database) -> None:
    async with pod(database, FeedTiming(gap=0.02, look=60)) as one:
        feed = await one.feeds.open(S, ANN)
        other = await one.feeds.open(SessionId("other"), ANN)
        one.hints._links.clear()  # all is found by looking
        await one.say(*"abcd")
        async with database.client() as client:
            log = client[database.name]["log"]
            await log.update_one({"_id": "s:000000000002"}, {"$set": {"e": "rubbish"}})
        message = Message(id="x", type="signal", session_id=SessionId("other"), at=datetime.now(UTC), data={})
        await one.messenger.to_session(SessionId("other"), [message])
        await one.feeds._catch_up.look_at_all()
        assert (feed.session.head, other.session.head) == (1, 1)
        await one.feeds._catch_up.look_at_all()
        assert feed.session.head == 4, "behind what cannot be read"
        page = await feed.session.page(1, 10)
        assert (page.gone, [entry.id for _, entry in page.entries]) == (True, ["c", "d"])
        await one.say("e")
        assert (await one.feeds.reader.head(LogKey(S, S))).position == 5, "and the log is appended to"


async def test_a_feed_is_dropped_a_while_after_its_last_reader_and_its_memory_with_it(database: Database) -> None:
    async with pod(database) as one:
        feed, second = await one.feeds.open(S, ANN), await one.feeds.open(S, ANN)
        assert feed.session is second.session
        await one.say("a")
        await until(lambda: _session_head(feed, 1))
        assert one.feeds.ring_bytes > 0
        feed.close()
        feed.close()
        await asyncio.sleep(0.1)
        assert len(one.feeds) == 1
        second.close()

        async def dropped() -> bool:
            return len(one.feeds) == 0 and one.feeds.ring_bytes == 0

        await until(dropped)
        (link,) = one.hints._links
        assert S not in link._bound


async def test_all_rings_together_are_bounded_the_coldest_goes_first(database: Database) -> None:
    async with pod(database, FeedTiming(look=60, ring_bytes=3000)) as one:
        cold = await one.feeds.open(SessionId("cold"), ANN)
        long = {"text": "x" * 2000}
        message = Message(id="x", type="signal", session_id=SessionId("cold"), at=datetime.now(UTC), data=long)
        await one.messenger.to_session(SessionId("cold"), [message])
        feed = await one.feeds.open(S, ANN)
        for number in range(12):
            await one.say(str(number))
        await until(lambda: _session_head(feed, 12))
        assert one.feeds.ring_bytes <= 3000
        assert cold.session.recent(0, 10) is None
        assert feed.session.recent(0, 20) is not None
