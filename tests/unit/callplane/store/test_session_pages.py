"""The list of sessions, while sessions come and go."""

from datetime import UTC, datetime
from typing import Any

from callplane.store.mongo.database import open_database
from callplane.store.session_pages import SessionPages, Wanted
from testkit.servers.servers import Database


def session(name: str, status: str = "open") -> dict[str, Any]:
    settings = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1}
    return {"_id": name, "status": status, "epoch": 1, "settings": settings, "created_at": datetime.now(UTC)}


async def test_what_exists_during_the_whole_scan_appears_once(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        for one in [session(f"{n:02}") for n in range(20)]:
            await opened["sessions"].insert_one(one)
        listing, seen, after = SessionPages(opened), [], None
        while True:
            page = await listing.page(after, 3)
            seen += [found.id for found in page.sessions]
            await opened["sessions"].delete_one({"_id": page.sessions[0].id})
            for one in [session(f"{len(seen):02}a"), session(f"00{len(seen)}")]:
                await opened["sessions"].insert_one(one)
            after = page.last
            if after is None:
                break
    kept = [name for name in seen if len(name) == 2]
    assert kept == [f"{n:02}" for n in range(20)]
    assert len(seen) == len(set(seen))


async def test_the_last_page_says_so_and_a_status_narrows(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        for one in [session("a"), session("b", "closed"), session("c")]:
            await opened["sessions"].insert_one(one)
        listing = SessionPages(opened)
        page = await listing.page(None, 2, Wanted("open"))
        assert ([found.id for found in page.sessions], page.last) == (["a", "c"], None)
        assert (await listing.page(None, 2)).last == "b"
        assert (await listing.page("c", 2)).sessions == []


async def test_an_engine_narrows_and_sessions_of_before_there_were_two_have_queues(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        for one in [session("a"), {**session("b"), "engine": "log"}, {**session("c"), "engine": "queues"}]:
            await opened["sessions"].insert_one(one)
        listing = SessionPages(opened)
        assert [found.id for found in (await listing.page(None, 9, Wanted("open", "log"))).sessions] == ["b"]
        assert [found.id for found in (await listing.page(None, 9, Wanted("open", "queues"))).sessions] == ["a", "c"]
