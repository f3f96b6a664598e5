"""Change stream: one per process over sessions and media servers, as events that a wrapper acts on (design 6)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.mongo.database import Database, Document
from callplane.store.mongo.driver import ChangeStream

_PIPELINE: list[Document] = [
    {
        "$match": {
            "ns.coll": {"$in": ["sessions", "media_servers"]},
            "operationType": {"$in": ["insert", "update", "drop"]},
        }
    },
    {
        "$match": {
            "$or": [
                {"operationType": {"$in": ["insert", "drop"]}},
                {"updateDescription.updatedFields.status": {"$exists": True}},
                {"updateDescription.updatedFields.epoch": {"$exists": True}},
                # The rest of a media server's document is written each second, and is nobody's news.
                {"ns.coll": "media_servers", "updateDescription.updatedFields.state": {"$exists": True}},
                {"ns.coll": "media_servers", "updateDescription.updatedFields.server_id": {"$exists": True}},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "ns.coll": 1,
            "documentKey": 1,
            "wallTime": 1,
            "updateDescription.updatedFields.status": 1,
            "updateDescription.updatedFields.epoch": 1,
            "fullDocument.engine": 1,
            "fullDocument.commands": 1,
        }
    },
]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What the stream showed: ``opened``, ``closed``, ``epoch`` (of the session ``id``) or ``server`` (one that came,
    or is up, down or another process now); ``at``: when it was written, from MongoDB 6 on."""

    what: str
    id: str
    at: datetime | None = field(default=None, compare=False)
    engine: Engine | None = None
    """By which the messages of a session that has opened go."""
    epoch: int | None = field(default=None, compare=False)
    """The epoch that has begun, where one has."""
    commands: CommandQueues = "per-session"
    """In which queue its commands wait."""


class StreamLost(Exception):
    """The stream cannot be resumed (the oplog has moved on), or what it shows has gone: open it again, list again."""


class Watch:
    """An open stream; ``next`` waits a bounded time, for cancelling a pending read would kill it (measured)."""

    def __init__(self, stream: ChangeStream) -> None:
        self._stream = stream

    async def next(self) -> StreamEvent | None:
        """The next fact, or None when nothing happened for a while. Raises Unavailable (ask again) or StreamLost."""
        try:
            change = await self._stream.try_next()
        except Trouble as trouble:
            raise StreamLost(str(trouble)) from trouble
        if change is not None and change["operationType"] == "drop":
            raise StreamLost("a collection was dropped, with its indexes")  # dropping the database ends the stream
        if change is None:
            if not self._stream.alive:
                raise StreamLost("the server closed the stream")
            return None
        return _seen(change)


@asynccontextmanager
async def watch(database: Database, wait_ms: int = 500) -> AsyncIterator[Watch]:
    """Open the stream; whoever lists must list after this (listing first was measured to miss inserts)."""
    try:
        stream = await database.watch(_PIPELINE, max_await_time_ms=wait_ms)
    except Trouble as trouble:
        raise StreamLost(str(trouble)) from trouble
    try:
        yield Watch(stream)
    finally:
        with suppress(Unavailable, Trouble):
            await stream.close()


def _seen(change: Any) -> StreamEvent:
    id_, at = str(change["documentKey"]["_id"]), change.get("wallTime")
    if change["ns"]["coll"] == "media_servers":
        return StreamEvent("server", id_, at)
    if change["operationType"] == "insert":
        opened = change.get("fullDocument", {})
        engine: Engine = "log" if opened.get("engine") == "log" else "queues"
        commands: CommandQueues = "sharded" if opened.get("commands") == "sharded" else "per-session"
        return StreamEvent("opened", id_, at, engine, commands=commands)
    fields = change.get("updateDescription", {}).get("updatedFields", {})
    if "status" in fields:
        return StreamEvent("closed", id_, at)
    epoch = fields.get("epoch")
    return StreamEvent("epoch", id_, at, epoch=epoch if isinstance(epoch, int) else 0)
