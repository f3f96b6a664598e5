"""Verdicts on a real mongod: what is due is found by index, and ended only while it still never was connected."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.store.filters import older_than
from testkit.inprocess.repositories import repositories
from testkit.servers.servers import Database

READY = {"state": "ready", "version": 0, "session_id": "s", "participant_id": "p"}


def some(name: str, count: int, since: datetime, **fields: Any) -> list[dict[str, Any]]:
    """So many connections."""
    return [{"_id": f"{name}{n}", **READY, "since": since, **fields} for n in range(count)]


async def test_what_is_due_is_found_without_looking_at_others(database: Database) -> None:
    async with repositories(database) as store, database.client() as client:
        now = datetime.now(UTC)
        past = now - timedelta(seconds=60)
        connected = some("connected", 400, past, media_state="connected")
        await client[database.name]["connections"].insert_many(
            [
                *some("young", 400, now),
                *some("due", 5, past),
                *some("failed", 400, past, media_state="failed"),
                *connected,
            ]
        )
        found = await store.media_states.unconnected_for(15)
        assert {one.id for one in found} == {f"due{n}" for n in range(5)}
        where = {"state": "ready", "media_state": None, **older_than("since", 15)}
        query = {"find": "connections", "filter": where, "sort": {"since": 1}, "limit": 100}
        plan = await client[database.name].command({"explain": query, "verbosity": "executionStats"})
        assert plan["executionStats"]["totalDocsExamined"] <= 2 * len(found) + 100


async def test_it_is_given_up_once_in_time_and_while_nothing_else_was_said(database: Database) -> None:
    async with repositories(database) as store, database.client() as client:
        collection = client[database.name]["connections"]
        await collection.insert_many(some("due", 3, datetime.now(UTC) - timedelta(seconds=60)))
        due = {one.id: one for one in await store.media_states.unconnected_for(15)}
        assert await store.media_states.give_up(due["due0"], "never", store.past()) is None, "it was asked too long ago"
        assert await store.media_states.media_state("due1", (None,), "connected", store.past()) is None
        assert await store.media_states.media_state("due1", (None,), "connected", store.soon()) is not None
        assert await store.media_states.give_up(due["due1"], "never", store.soon()) is None
        ended = await asyncio.gather(
            *(store.media_states.give_up(due["due2"], "never", store.soon()) for _ in range(4))
        )
        [change] = [each for each in ended if each is not None]
        assert (change.document.state, change.document.reason) == ("released", "never")
        assert change.document.outbox[0].data == {"connection_id": "due2", "state": "failed", "reason": "never"}
        assert [chore.do for chore in change.document.chores] == ["settle"]
