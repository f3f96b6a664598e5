"""Session invariants: must hold whenever nothing is owed any more, whoever died on the way."""

import asyncio
from collections import defaultdict
from typing import Any

from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.log.records import LogKey
from callplane.store.mongo.media_codec import media_ref
from testkit.crashes.crash_trial import COLLECT_SECONDS, TrialServers
from testkit.crashes.leak_check import ask, children, pipelines
from testkit.inprocess.logs import logged


async def session_of(bench: TrialServers, session: SessionId) -> SessionDocument:
    """The session as it is."""
    found = await bench.outside.store.sessions.find(session)
    assert found is not None
    return found


async def connections_of(bench: TrialServers, session: SessionId) -> list[ConnectionDocument]:
    """All its connections, the released ones included."""
    raw = bench.outside.store.database["connections"]
    return [ConnectionDocument.model_validate(c) async for c in raw.find({"session_id": session})]


async def fed_by(bench: TrialServers, watched: ConnectionId) -> dict[str, str]:
    """Medium → connection whose endpoint feeds this one's."""
    own = await bench.outside.store.connections.find(watched)
    assert own is not None
    assert own.endpoint is not None
    answer = await ask(bench.outside.media_server, "invoke", object=own.endpoint.id, operation="getSourceConnections")
    endpoints = {c.endpoint.id: c.id for c in await connections_of(bench, own.session_id) if c.endpoint is not None}
    return {data["type"]: endpoints.get(data["source"], "nobody's") for data in answer["value"]}


async def consistent(bench: TrialServers, session: SessionId) -> SessionDocument:
    """Events, connections, streams and endpoints agree with each other."""
    bench.sessions.append(session)
    found, connections = await session_of(bench, session), await connections_of(bench, session)
    told = bench.outside.told
    numbered(await told_to_all(bench, session), found.version, first=2)
    ready = [c for c in connections if c.state == "ready"]
    assert [c.id for c in connections if c.claim is not None] == []
    for connection in connections:
        own = await told_to(bench, session, connection.participant_id)
        own = [m for m in own if m.id.startswith(f"{connection.id}:")]
        numbered([m.model_copy(update={"version": int(m.id.partition(":")[2])}) for m in own], connection.version)
        if connection.state == "ready":
            assert connection.endpoint is not None
            fed = [candidate for endpoint, candidate in told.fed if endpoint == connection.endpoint.id]
            assert {c["candidate"] for c in connection.candidates} <= set(fed)
    assert all(c.epoch == found.epoch and found.any_seat(c.participant_id) for c in ready)
    if found.status == "closed":
        assert ready == []
        assert found.media is None
        return found
    assert sorted(s.connection_id for s in found.streams) == sorted(c.id for c in ready if c.kind == "publish")
    if found.media is not None:
        endpoints = sorted(c.endpoint.id for c in ready if c.endpoint is not None)
        assert await living(bench, found.media.id) == endpoints
    return found


async def told_to_all(bench: TrialServers, session: SessionId) -> list[Message]:
    """What a session's people were all told, in order; a log has each event once."""
    if bench.outside.engine == "queues":
        return bench.outside.told.sessions.get(session, [])
    told = await logged(bench.outside.store.database, LogKey(session, session))
    assert [m.version for m in told] == list(range(2, len(told) + 2))
    return told


async def told_to(bench: TrialServers, session: SessionId, participant: ParticipantId) -> list[Message]:
    """What one of them was told of their own connections, in order."""
    if bench.outside.engine == "queues":
        return bench.outside.told.participants.get(participant, [])
    return await logged(bench.outside.store.database, LogKey(participant, session))


async def living(bench: TrialServers, pipeline: str) -> list[str]:
    """What is in a pipeline; nothing where the pipeline was only a dead wrapper's, and the server has taken it."""
    try:
        return sorted(await children(bench.outside.media_server, pipeline))
    except AssertionError as refused:
        if "MEDIA_OBJECT_NOT_FOUND" not in str(refused):
            raise
        return []


def numbered(messages: list[Message], last: int, first: int = 1) -> None:
    """Every number was told, each for one event, and in order where clients that drop repeats look."""
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    order: list[int] = []
    for message in messages:
        assert message.version is not None
        kinds[message.version].add(message.type)
        if message.version not in order:
            order.append(message.version)
    assert order == list(range(first, last + 1))
    assert {number: types for number, types in kinds.items() if len(types) > 1} == {}


async def answered(
    bench: TrialServers, session: SessionId, of: tuple[ParticipantId, CommandId], reply: Reply | None
) -> None:
    """The mailbox heard one answer, the one of the reply."""
    participant, command = of
    assert reply is not None
    assert reply.result is not None
    own = [m for m in await told_to(bench, session, participant) if m.id == command]
    assert own, "the answer was not told"
    assert {m.data["sdp_answer"] for m in own} == {reply.result["connection"]["sdp_answer"]}


async def nothing_else(bench: TrialServers) -> dict[str, Any]:
    """Queues, exchanges, logs and pipelines that no session and no seat accounts for, and those that are missing."""
    found = [s async for s in bench.outside.store.database["sessions"].find({"status": "open"})]
    sessions = {f"session.{s['_id']}" for s in found if s.get("commands") != "sharded"}
    by_queues = [s for s in found if s.get("engine", "queues") == "queues"]
    fanouts = {f"session.{s['_id']}" for s in by_queues}
    living = {f"user.{p['id']}" for s in by_queues for p in (*s["participants"], *s.get("hidden", []))}
    attachments = bench.outside.store.database["attachments"]
    unread = {f"user.{a['_id']}" async for a in attachments.find({"state": {"$ne": "ended"}, "engine": None})}
    queues = set(await bench.servers.vhost.queues())
    exchanges = {name for name in await bench.servers.vhost.exchanges() if name.startswith("session.")}
    session_queues = {name for name in queues if name.startswith("session.")}
    mailboxes = {name for name in queues if name.startswith("user.")}
    known = {media_ref(s["media"]).id for s in found if s["media"] is not None}
    differences = {
        "queues": session_queues ^ sessions,
        "exchanges": exchanges ^ fanouts,
        "mailboxes missing": living - mailboxes,
        "mailboxes left": mailboxes - living - unread,
        "logs": await _logs_of_nobody(bench),
        "pipelines": await _not_among(known, bench),
    }
    return {what: names for what, names in differences.items() if names}


async def _logs_of_nobody(bench: TrialServers) -> set[str]:
    database = bench.outside.store.database
    return set(await database["log"].distinct("s", {})) - set(await database["sessions"].distinct("_id", {}))


async def _not_among(known: set[str], bench: TrialServers) -> set[str]:
    """Pipelines that nobody refers to, when the server has had time to take what only the dead have held."""
    left: set[str] = set()
    for _ in range(5):
        left = set(await pipelines(bench.outside.media_server)) - known
        if not left:
            break
        # Asking references what it lists, so that asking often would keep it alive for ever (design 7).
        await asyncio.sleep(3 * COLLECT_SECONDS)
    return left
