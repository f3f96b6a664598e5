"""Every sweep reads what it returns and little more, however much lies there: asked of MongoDB's profiler."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.store.attachments import Tag
from callplane.store.incarnations import Incarnations
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.log_attachments import LogAttachments
from callplane.store.outbox_age import OutboxAge
from callplane.store.presences import Presences
from callplane.store.processes import Processes
from callplane.store.quota_uses import QuotaUses
from callplane.store.server_pool import ServerPool
from callplane.store.session_graph import SessionGraph
from callplane.store.timeline import Part, Timeline
from testkit.inprocess.crowded_database import PODS, SERVERS, WRAPPERS, connection, crowd, session
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

N = 200
SLACK = 100
POOL = {f"s{i}": f"process-{i}" for i in range(SERVERS)}
LIVING = [f"w{i}" for i in range(WRAPPERS)]
HOLDERS = [f"h{i}" for i in range(PODS)]
INCARNATIONS = [f"i{i}" for i in range(PODS)]
TAGS = {ParticipantId(f"seat {i}"): Tag(p=f"i{i % PODS}", n=i) for i in range(50)}
HEADS = {LogKey(f"room {i}", SessionId(f"room {i}")): 7 for i in range(50)}

Ask = Callable[[Repositories], Awaitable[Any]]

SWEEPS: dict[str, Ask] = {
    "those with a queue of their own": lambda s: s.sessions.open_ids(),
    "owed by sessions": lambda s: s.sessions.overdue(1),
    "the oldest event that waits": lambda s: OutboxAge(s.database, s.clock).oldest(),
    "what was refused": lambda s: Timeline(s.database).story(SessionId("nobody's"), Part(type="request-refused")),
    "owed by connections": lambda s: s.connections.overdue(1),
    "hastened": lambda s: s.sessions.make_due(["nothing"]),
    "lost": lambda s: s.sessions.on_servers_lost(POOL),
    "lost, one down": lambda s: s.sessions.on_servers_lost({**POOL, "s3": None}),
    "lost, their ids": lambda s: s.sessions.ids_on_servers_lost({**POOL, "s3": None}),
    "lost, among some": lambda s: s.sessions.on_servers_lost({**POOL, "s3": None}, among=[SessionId("nobody's")]),
    "drained": lambda s: s.sessions.on_server("s4", 10),
    "deserted": lambda s: s.sessions.due_to_close(),
    "tombstones": lambda s: s.sessions.tombstones(3600),
    "what carries the media": lambda s: SessionGraph(s.database).of(SessionId("nobody's"), is_operator=True),
    "presence over": lambda s: Presences(s.database, s.clock).due(),
    "presence of somebody": lambda s: Presences(s.database, s.clock).of("web:nobody", None, "web", 100),
    "custom id of a tenant": lambda s: s.sessions.find_open_by_custom_id("nobody", "web"),
    "open sessions of a tenant": lambda s: QuotaUses(s.database).used("sessions", "nobody"),
    "seats of a tenant": lambda s: QuotaUses(s.database).used("seats", "nobody"),
    "open sessions by an identity": lambda s: QuotaUses(s.database).used("identity_sessions", "web:nobody"),
    "seats of an identity": lambda s: QuotaUses(s.database).used("identity_seats", "web:nobody"),
    "healed": lambda s: s.seats.away(""),
    "orphaned connections": lambda s: s.owners.orphans(LIVING),
    "abandoned": lambda s: s.connections.abandoned(LIVING, 60),
    "endpoints": lambda s: s.connections.endpoints_among([MediaRef("s0", new_id()) for _ in range(50)]),
    "untold": lambda s: s.media_states.untold(5),
    "never connected": lambda s: s.media_states.unconnected_for(15),
    "failed past grace": lambda s: s.media_states.past_grace(),
    "orphaned attachments": lambda s: s.attachments.detach_orphans(HOLDERS),
    "away": lambda s: s.attachments.away(),
    "seats past grace": lambda s: s.attachments.past_grace(),
    "ended": lambda s: s.attachments.ended(),
    "incarnations that stand in seats": lambda s: LogAttachments(s.database).incarnations(),
    "living incarnations": lambda s: Incarnations(s.database).living(INCARNATIONS),
    "dead incarnations": lambda s: LogAttachments(s.database).remove_dead(["gone"]),
    "seats of an incarnation": lambda s: LogAttachments(s.database).of_incarnation("i0"),
    "seats that are lost": lambda s: LogAttachments(s.database).lost(TAGS),
    "heads of logs": lambda s: LogReader(s.database).behind(HEADS),
    "ends of logs": lambda s: LogReader(s.database).heads(list(HEADS)),
    "wrappers": lambda s: s.wrappers.alive(),
    "dead wrappers": lambda s: s.wrappers.delete_expired(),
    "pods": lambda s: s.pods.holders(),
    "sessions counted": lambda s: s.servers.count_sessions(),
    "processes and what is owed": lambda s: Processes(s.database).read(),
    "the pool with its sessions": lambda s: ServerPool(s.database).all(),
}


@asynccontextmanager
async def profiled(database: Database) -> AsyncIterator[tuple[Repositories, Any]]:
    """The repositories on a crowd, and the database in which the profiler writes down what they ask."""
    async with repositories(database, durable=False) as store, database.client() as client:
        raw = client[database.name]
        for collection, documents in crowd(N).items():
            await raw[collection].insert_many(documents)
        await raw.create_collection("system.profile", capped=True, size=32_000_000)
        await raw.command("profile", 2)
        try:
            yield store, raw
        finally:
            await raw.command("profile", 0)


async def costly(raw: Any) -> list[str]:
    """What examined more than it should have, since this was asked last."""
    found = []
    async for op in raw["system.profile"].find({"appName": "callplane", "ns": {"$not": {"$regex": "profile"}}}):
        returned = max(op.get(name, 0) for name in ("nreturned", "nMatched", "nModified", "ndeleted"))
        command = op.get("command", {})
        if "count" in command:
            returned = op.get("keysExamined", 0)  # it returns one number, of entries that were never fetched
        if max(op.get("docsExamined", 0), op.get("keysExamined", 0)) > 2 * returned + SLACK:
            stats = {name: op.get(name) for name in ("docsExamined", "keysExamined", "nreturned", "planSummary")}
            found.append(f"{op['ns']} {op['op']} {stats} {str(command)[:300]}")
    return found


def ago(seconds: float) -> datetime:
    """Then."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def something() -> dict[str, list[dict[str, Any]]]:
    """One for each sweep."""
    owed = [{"id": "x", "do": "place", "at": ago(9), "with": {}}]
    seat = {"session_id": "none", "n": 1, "holder": None, "since": ago(5000)}
    failed, since = {"owner": "w0", "media_state": "failed"}, ago(9)
    return {
        "sessions": [
            session(_id="owes", chores=owed, participants=[{"id": "a"}]),
            session(_id="said", presence_due=ago(9), participants=[{"id": "a", "identity": "web:ada"}]),
            session(_id="left", since=ago(99_999)),
            session(_id="over", status="closed", since=ago(9999)),
        ],
        "connections": [
            connection("ready", _id="orphan", owner="dead", session_id="none"),
            connection("negotiating", _id="abandoned", since=ago(99)),
            connection("ready", _id="untold", since=ago(99), **failed),
            connection("ready", _id="failed", told=True, since=since, of=since, due=ago(1), **failed),
        ],
        "attachments": [
            {"_id": "held", **seat, "state": "attached", "holder": "gone"},
            {"_id": "away", **seat, "state": "detached", "of": seat["since"], "due": ago(1)},
            {"_id": "ended", **seat, "state": "ended", "reason": "left"},
        ],
    }


async def test_a_sweep_reads_what_it_finds_and_little_more(database: Database) -> None:
    async with profiled(database) as (store, raw):
        for name, ask in SWEEPS.items():
            await ask(store)
            assert await costly(raw) == [], name
        for collection, documents in something().items():
            await raw[collection].insert_many(documents)
        assert await store.sessions.overdue(1) == ["owes"]
        assert await store.sessions.due_to_close() == [("left", "empty")]
        assert await store.sessions.tombstones(3600) == ["over"]
        presences = Presences(store.database, store.clock)
        assert await presences.due() == ["said"]
        assert [one.id for one in await presences.of("web:ada", None, None, 100)] == ["said"]
        lost = await store.sessions.on_servers_lost({**POOL, "s3": "another process"}, limit=1000)
        assert [one.server for one in lost] == ["s3"] * (2 * N // SERVERS)
        assert [one.id for one in await store.owners.orphans(LIVING)] == ["orphan"]
        assert [one.id for one in await store.connections.abandoned(LIVING, 60)] == ["abandoned"]
        assert [one.id for one in await store.media_states.untold(5)] == ["untold"]
        assert [one.id for one in await store.media_states.past_grace()] == ["failed"]
        assert [one.participant_id for one in await store.attachments.past_grace()] == ["away"]
        assert [one.participant_id for one in await store.attachments.away()] == ["away"]
        assert [one.participant_id for one in await store.attachments.ended()] == ["ended"]
        assert await store.attachments.detach_orphans(HOLDERS) == 1
        assert {view.sessions for view in await ServerPool(store.database).all()} == {2 * N / SERVERS}
        assert await costly(raw) == []
        for collection in something():
            await raw[collection].drop_indexes()
            for ask in SWEEPS.values():
                await ask(store)
            missed = await costly(raw)
            assert any(line.startswith(f"{database.name}.{collection} ") for line in missed), (
                "the profiler sees nothing"
            )
