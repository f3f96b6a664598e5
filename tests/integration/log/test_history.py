"""History on the log: what is kept outlives its records, and a page is the same wherever its messages lie."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.store.indexes import ensure_indexes
from callplane.store.log import bounds as bounds_module
from callplane.store.log.bounds import LogBounds
from callplane.store.log.history import FoldedMessage, History, HistoryPage, Span
from callplane.store.log.kept_entries import KeptEntries
from callplane.store.log.reader import LogReader
from callplane.store.log.records import Entry, Kept, KeptAs
from callplane.store.mongo.database import DatabaseClock
from testkit.inprocess.logs import ROOM, Writer, writers
from testkit.servers.servers import Database

S = ROOM.session_id
ADA, BOB, EVE = (ParticipantId(name) for name in ("ada", "bob", "eve"))


def chat(about: str, text: str | None = None, does: KeptAs = "chat", parties: tuple[str, ...] | None = None) -> Entry:
    """An entry of a message; the text is its body."""
    return Entry(
        f"{does}-{about}-{text}", "signal", json.dumps(text or about).encode(), kept=Kept(about, does, parties)
    )


def shown(page: HistoryPage | Sequence[FoldedMessage]) -> list[tuple[str, str | None]]:
    """The ids and texts of a page."""
    messages = page.messages if isinstance(page, HistoryPage) else page
    return [(one.kept.about, None if one.body is None else json.loads(one.edit or one.body)) for one in messages]


async def cut(writer: Writer, keeping: int) -> None:
    """As an append does it, with everything old and so many entries kept."""
    clock = DatabaseClock(writer.database)
    old = clock.now() - timedelta(seconds=bounds_module.KEPT_SECONDS + 1)
    await writer.database["log"].update_many({"s": S}, {"$set": {"at": old}})
    reader = LogReader(writer.database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds_module, "ENTRIES_KEPT", keeping)
        await LogBounds(writer.database, clock).cut(ROOM, await reader.head(ROOM))


async def talk(writer: Writer) -> None:
    """Six messages between signals, in records of one entry each; some edited, one deleted, two private."""
    said = [
        *(
            chat("m1"),
            Entry("s1", "signal", b"{}"),
            chat("m2"),
            chat("m1", "new", "edit"),
            chat("p1", parties=(ADA, BOB)),
        ),
        *(
            chat("m3"),
            chat("m2", "-", "delete"),
            chat("m1", "newer", "edit"),
            chat("p2", parties=(BOB, EVE)),
            chat("m4"),
        ),
    ]
    for entry in said:
        await writer.appender.append(ROOM, [entry])


PUBLIC = [("m1", "newer"), ("m2", None), ("m3", "m3"), ("m4", "m4")]


@pytest.mark.parametrize("kept", [10, 9, 7, 6, 5, 3, 2, 1])
async def test_a_page_is_the_same_wherever_the_log_was_cut(database: Database, kept: int) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await talk(writer)
        await cut(writer, kept)
        assert await writer.database["log"].count_documents({"s": S}) == kept
        history = History(writer.database)
        by = {who: shown(await history.page(S, Span(), who)) for who in (ADA, BOB, EVE, None)}
        assert by[ADA] == [*PUBLIC[:2], ("p1", "p1"), *PUBLIC[2:]]
        assert by[EVE] == [*PUBLIC[:3], ("p2", "p2"), PUBLIC[3]]
        assert by[BOB] == by[None] == [*PUBLIC[:2], ("p1", "p1"), PUBLIC[2], ("p2", "p2"), PUBLIC[3]]
        pages, place = [], 0
        for _ in range(4):
            page = await history.page(S, Span(after=place, limit=2), BOB)
            pages += shown(page)
            place = page.next or 1000
        assert (pages, place) == (by[BOB], 1000)
        pages = []
        for _ in range(4):
            page = await history.page(S, Span(before=place, limit=2), BOB)
            pages = shown(page) + pages
            place = page.next or 1
        assert (pages, place) == (by[BOB], 1)
        assert shown(await history.page(S, Span(after=1, before=6), ADA)) == [("m2", None), ("p1", "p1")]
        one = await history.message(S, "m1")
        assert one is not None
        assert shown([one]) == [("m1", "newer")]
        assert await history.message(S, "nothing") is None


async def test_entries_of_one_record_are_messages_of_their_own(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await writer.appender.append(ROOM, [chat(f"m{n}") for n in range(1, 61)])
        history = History(writer.database)
        for keeping in (60, 0):
            await cut(writer, keeping)
            page = await history.page(S, Span(after=40, before=45), ADA)
            assert [one.position for one in page.messages] == [41, 42, 43, 44]
            assert [one.position for one in (await history.page(S, Span(limit=3), ADA)).messages] == [58, 59, 60]


async def test_a_message_that_was_sent_twice_is_there_once(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        for about in ("m1", "m2", "m1"):
            await writer.appender.append(ROOM, [chat(about)])
        history = History(writer.database)
        for keeping in (3, 2, 1, 0):
            await cut(writer, keeping)
            assert shown(await history.page(S, Span(), None)) == [("m1", "m1"), ("m2", "m2")]
            assert await history.page(S, Span(after=2), None) == HistoryPage((), None)


async def test_what_is_cut_between_the_two_reads_is_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are read after the log: the other way round a page would miss what moves."""
    async with writers(database.url, database.name, 1) as [writer]:
        await talk(writer)
        history = History(writer.database)
        before = shown(await history.page(S, Span(), None))
        for name in ("_in_log", "_in_copies"):
            read = getattr(history, name)

            async def and_cut(*args: object, read: object = read) -> object:
                found = await read(*args)  # type: ignore[operator]
                await cut(writer, 4)
                return found

            monkeypatch.setattr(history, name, and_cut)
        assert shown(await history.page(S, Span(), None)) == before


async def test_nothing_is_cut_that_is_not_known_to_be_copied(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await talk(writer)
        history = History(writer.database)
        before = shown(await history.page(S, Span(), None))

        async def unknown(*_: object) -> None:
            raise Unavailable("no answer")

        with monkeypatch.context() as patch:
            patch.setattr(KeptEntries, "copy", unknown)
            with pytest.raises(Unavailable):
                await cut(writer, 1)
        assert await writer.database["log"].count_documents({"s": S}) == 10
        await cut(writer, 1)
        await cut(writer, 0)
        assert shown(await history.page(S, Span(), None)) == before


async def test_the_words_of_a_deleted_message_leave_the_copies(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await writer.appender.append(ROOM, [chat("m1", "secret")])
        await writer.appender.append(ROOM, [chat("m1", "secret too", "edit")])
        await cut(writer, 0)
        await writer.appender.append(ROOM, [chat("m1", "-", "delete")])
        history = History(writer.database)
        assert shown(await history.page(S, Span(), None)) == [("m1", None)]
        await cut(writer, 0)
        assert shown(await history.page(S, Span(), None)) == [("m1", None)]
        await writer.appender.append(ROOM, [chat("m1", "an edit that raced the deletion", "edit")])
        assert shown(await history.page(S, Span(), None)) == [("m1", None)]
        await cut(writer, 0)
        copies = await writer.database["history"].find({"s": S}).sort("_id", 1).to_list()
        assert [(one["w"], one.get("b")) for one in copies] == [
            *(("chat", None), ("edit", None)),
            *(("delete", b'"-"'), ("edit", None)),
        ]


@pytest.mark.parametrize("days", [0, 7])
async def test_with_its_session_the_history_goes_or_stays_for_its_days(database: Database, days: int) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await talk(writer)
        await cut(writer, 5)
        clock = DatabaseClock(writer.database)
        await clock.sync()
        for _ in range(2):  # as an hour later
            await LogBounds(writer.database, clock, days).delete(ROOM)
        assert await writer.database["log"].count_documents({"s": S}) == 0
        history = History(writer.database)
        assert [one for one in shown(await history.page(S, Span(), ADA)) if one in PUBLIC] == (PUBLIC if days else [])
        assert await history.exists(S) is bool(days)
        for copy in await writer.database["history"].find({"s": S}).to_list():
            assert abs(copy["expires_at"] - clock.now() - timedelta(days=7)) < timedelta(minutes=1)


async def test_only_what_is_kept_is_in_the_indexes_that_serve_it(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer], database.client() as client:
        await ensure_indexes(writer.database)
        await writer.append(*(f"s{n}" for n in range(60)))
        await talk(writer)
        log = client[database.name]["log"]
        for where, kept, documents in (
            ({"s": S, "_id": {"$gte": "room:", "$lt": "room;"}, "e.k": {"$exists": True}}, "kept", 9),
            ({"s": S, "e.k.m": {"$in": ["m1"]}}, "kept_about", 3),
        ):
            stats = (await log.find(where).sort("_id", 1).explain())["executionStats"]
            assert f"'{kept}'" in str(stats), kept
            assert stats["totalDocsExamined"] == documents
