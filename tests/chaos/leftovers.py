"""What lies about: while sessions live nothing but theirs, after the last one nothing at all."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from testkit.clients.history import Command, History
from testkit.crashes.leak_check import children, pipelines
from tests.chaos.fleet import Fleet

EVERY_SECONDS = 0.5
AFTERWARDS = 15.0
"""Seconds in which the sweeps delete what a session has left."""

OURS = ("sessions", "connections", "attachments", "log")


async def owing_nothing(fleet: Fleet, seconds: float) -> list[str]:
    """Wait until no document owes an event or a chore; what still does after ``seconds``."""
    async with fleet.servers.database.client() as client:
        database = client[fleet.servers.database.name]
        owes: dict[str, Any] = {"$or": [{"outbox": {"$nin": [[], None]}}, {"chores": {"$nin": [[], None]}}]}
        end = time.monotonic() + seconds
        while True:
            owing = []
            for name in ("sessions", "connections"):
                async for found in database[name].find(owes):
                    chores = [chore["do"] for chore in found["chores"]]
                    if chores != ["delete-session"] or found["outbox"]:
                        owing.append(f"{name} {found['_id']} owes {len(found['outbox'])} events and {chores}")
            if not owing or time.monotonic() > end:
                return owing
            await asyncio.sleep(EVERY_SECONDS)


def differences(
    sessions: list[dict[str, Any]], connections: list[dict[str, Any]], found: dict[str, set[str]]
) -> list[str]:
    """Where media servers (each pipeline with its children) differ from what the documents of open sessions say."""
    ready = [each for each in connections if each["state"] == "ready"]
    living = [each for each in sessions if each["status"] == "open"]
    wanted = {
        _object(session["media"]): {_object(c["endpoint"]) for c in ready if c["session_id"] == session["_id"]}
        for session in living
        if session["media"] is not None
    }
    wrong = [f"leaked: pipeline {p} belongs to no open session" for p in found.keys() - wanted.keys()]
    wrong += [f"lost: pipeline {p} is on no media server" for p in wanted.keys() - found.keys()]
    for pipeline in wanted.keys() & found.keys():
        wrong += [f"leaked: endpoint {e} of no ready connection" for e in found[pipeline] - wanted[pipeline]]
        wrong += [f"lost: endpoint {e} is on no media server" for e in wanted[pipeline] - found[pipeline]]
    streams = [stream["connection_id"] for session in living for stream in session["streams"]]
    known = {each["_id"] for each in ready}
    wrong += [f"leaked: stream {stream} of no ready connection" for stream in streams if stream not in known]
    silent = {c["_id"] for c in ready if c["kind"] == "publish"} - set(streams)
    return wrong + [f"lost: stream {each} of a ready connection" for each in silent if _is_of(each, ready, living)]


def _is_of(connection: str, ready: list[dict[str, Any]], living: list[dict[str, Any]]) -> bool:
    session = next(each["session_id"] for each in ready if each["_id"] == connection)
    return any(each["_id"] == session for each in living)


def forgotten(commands: Iterable[Command], connections: list[dict[str, Any]]) -> list[str]:
    """Candidates that were accepted and are not kept with their connection, while it lives."""
    kept = {each["_id"]: [c["candidate"] for c in each["candidates"]] for each in connections if _lives(each)}
    return [
        f"lost: candidate {command.what['candidate']!r} of {command.what['connection']}"
        for command in commands
        if command.op == "candidates"
        and command.outcome == "ok"
        and command.what["candidate"] not in kept.get(command.what["connection"], [command.what["candidate"]])
    ]


def _lives(connection: dict[str, Any]) -> bool:
    return bool(connection["state"] == "ready")


async def unlike_the_documents(fleet: Fleet, history: History) -> list[str]:
    """Look at documents and media servers, and say how they differ from each other and from what was accepted."""
    database = fleet.servers.database
    sessions, connections = await database.documents("sessions"), await database.documents("connections")
    found: dict[str, set[str]] = {}
    for url in fleet.media().values():
        for pipeline in await pipelines(url):
            found[pipeline] = set(await children(url, pipeline))
    return differences(sessions, connections, found) + forgotten(history.commands, connections)


async def settled(fleet: Fleet, history: History, seconds: float) -> list[str]:
    """Wait until media servers and documents agree; how they still differ after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        wrong = await unlike_the_documents(fleet, history)
        if not wrong or time.monotonic() > end:
            return wrong
        await asyncio.sleep(EVERY_SECONDS)


async def leaked(fleet: Fleet, seconds: float) -> list[str]:
    """Wait until nothing of any session is left anywhere; what is left after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        left = await _left(fleet)
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(EVERY_SECONDS)


async def _left(fleet: Fleet) -> list[str]:
    servers = fleet.servers
    left = remains(await servers.vhost.queues(), await servers.vhost.exchanges())
    for name in OURS:
        left += [f"document {name} {_brief(each)}" for each in await servers.database.documents(name)]
    for name, url in fleet.media().items():
        left += [f"pipeline {pipeline} on {name}" for pipeline in await pipelines(url)]
    return left + strays(
        await servers.database.documents("media_servers"), await servers.database.documents("wrappers")
    )


def expires(history: History, left: str) -> bool:
    """Whether this is a mailbox that was deleted on one side of a partition, and is there again by the other side's
    word: nobody knows of it any more, and RabbitMQ deletes it when nobody has used it for an hour."""
    mailbox = left.removeprefix("queue user.")
    sessions = {reader.session for reader in history.readers if reader.participant == mailbox}
    for command in history.commands:
        if command.op in ("close", "leave") and command.session in sessions and command.outcome == "ok":
            buried = command.answered + history.tombstone_seconds
            for absence in history.absences:
                near = any(absence.began < at + AFTERWARDS and at < absence.ended for at in (command.answered, buried))
                if absence.queues is None and near:
                    return True
    return False


def remains(queues: Iterable[str], exchanges: Iterable[str]) -> list[str]:
    """What in a broker belongs to a session or a seat."""
    left = [f"queue {name}" for name in queues if name.startswith(("session.", "user."))]
    return left + [f"exchange {name}" for name in exchanges if name.startswith("session.")]


def strays(pool: list[dict[str, Any]], wrappers: list[dict[str, Any]]) -> list[str]:
    """Who counts as reaching a media server and does not live: that server can never be down."""
    living = {each["_id"] for each in wrappers}
    return [f"contact {who} of {each['_id']}" for each in pool for who in each["contacts"] if who not in living]


def _brief(document: dict[str, Any]) -> str:
    shown = {key: document.get(key) for key in ("status", "state", "session_id", "reason", "since", "chores")}
    return f"{document['_id']} { ({key: value for key, value in shown.items() if value is not None}) }"


def _object(reference: Any) -> str:
    """The object id in a stored reference to something on a media server."""
    return bytes(reference).decode().partition("\0")[2] if isinstance(reference, bytes) else str(reference)
