"""Indexes: what uniqueness, sweeps and lists rest on; made at every start, which is harmless.

Sweeps ask each second: each reads the entries of what it returns, and few besides (tests look at their plans). What is
new is built while those that run go on reading and writing; who starts waits for it, but not for what
cannot be built.
"""

from typing import Any

import pymongo
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from callplane.store.leases import WrapperLeases
from callplane.store.mongo.database import Database
from callplane.store.mongo.driver import Collection
from callplane.store.mongo.errors import ServerAnswer
from callplane.store.tickets import TICKET_SECONDS
from callplane.telemetry.logs import logger

_HOUR = 3600
_NO_SUCH_INDEX = 27
BUILDING_SECONDS = 1800.0
"""A deadline of its own: at the client's, which is that of a query, the server would give a long build up again."""


def _which(name: str, keys: list[str], which: dict[str, Any]) -> IndexModel:
    """Of those alone that match, so that nothing else pays for it."""
    return IndexModel([(key, ASCENDING) for key in keys], partialFilterExpression=which, name=name)


def _expiring(name: str, which: dict[str, Any]) -> IndexModel:
    """Delete what matches an hour after its ``since``."""
    return IndexModel([("since", ASCENDING)], expireAfterSeconds=_HOUR, partialFilterExpression=which, name=name)


_INDEXES: dict[str, list[IndexModel]] = {
    "sessions": [
        # Two null custom_ids would collide, so the key is left out where there is none (design 3).
        IndexModel(
            [("tenant", ASCENDING), ("custom_id", ASCENDING)],
            unique=True,
            partialFilterExpression={"status": "open", "custom_id": {"$type": "string"}},
            name="custom_id_of_tenant",
        ),
        IndexModel([("tenant", ASCENDING), ("_id", ASCENDING)], name="by_tenant"),
        _which("open_of_tenant", ["tenant"], {"status": "open", "tenant": {"$type": "string"}}),
        _which("open_by_creator", ["created_by"], {"status": "open", "created_by": {"$type": "string"}}),
        IndexModel([("status", ASCENDING), ("_id", ASCENDING)], name="by_status"),
        # Those that have a queue of their own, which every start and every minute lists, among many that have none.
        IndexModel([("status", ASCENDING), ("commands", ASCENDING), ("_id", ASCENDING)], name="by_commands"),
        IndexModel([("outbox.at", ASCENDING)], name="outbox_age", sparse=True),
        IndexModel([("chores.at", ASCENDING)], name="chore_age", sparse=True),
        _which("deserted", ["due"], {"status": "open", "participants": []}),
        _which("tombstones", ["due", "since"], {"status": "closed"}),
        IndexModel([("status", ASCENDING), ("since", ASCENDING)], name="idle_since"),
        IndexModel([("media", ASCENDING)], name="by_media", sparse=True),
        # Lost and removed servers' sessions; those of a drained one, and how many each has, which needs no document.
        _which("by_process", ["server_id"], {"status": "open", "media": {"$type": "binData"}}),
        IndexModel([("status", ASCENDING), ("server", ASCENDING), ("media", ASCENDING)], name="on_server"),
        _which("presence_due", ["presence_due"], {"status": "open", "presence_due": {"$type": "date"}}),
        _which(
            "by_identity",
            ["participants.identity", "_id"],
            {"status": "open", "participants.identity": {"$exists": True}},
        ),
        _which("away", ["participants.state", "_id"], {"participants.state": "reconnecting"}),
    ],
    "connections": [
        IndexModel(
            [("session_id", ASCENDING), ("participant_id", ASCENDING), ("state", ASCENDING)], name="by_seat_and_state"
        ),
        IndexModel([("session_id", ASCENDING), ("publisher", ASCENDING)], name="by_publisher"),
        IndexModel([("state", ASCENDING), ("owner", ASCENDING), ("_id", ASCENDING)], name="by_state_and_owner"),
        IndexModel([("endpoint", ASCENDING)], name="by_endpoint", sparse=True),
        IndexModel([("state", ASCENDING), ("media_state", ASCENDING), ("since", ASCENDING)], name="by_age"),
        _which("offered", ["since"], {"state": "negotiating", "offered": True}),
        _which("failed", ["told", "since"], {"state": "ready", "media_state": "failed"}),
        _which("failed_due", ["told", "due"], {"state": "ready", "media_state": "failed"}),
        IndexModel([("outbox.at", ASCENDING)], name="outbox_age", sparse=True),
        IndexModel([("chores.at", ASCENDING)], name="chore_age", sparse=True),
        _expiring("released", {"state": "released"}),
        _expiring("offerless", {"offered": False}),
    ],
    "attachments": [
        IndexModel([("state", ASCENDING), ("since", ASCENDING)], name="by_state"),
        IndexModel([("session_id", ASCENDING)], name="by_session"),
        IndexModel([("state", ASCENDING), ("holder", ASCENDING)], name="by_state_and_holder"),
        IndexModel([("state", ASCENDING), ("expires_at", ASCENDING), ("due", ASCENDING)], name="by_state_and_due"),
        IndexModel([("pods.p", ASCENDING)], name="by_pod", sparse=True),
        _which("looked_at", ["look"], {"state": "detached"}),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry", sparse=True),
    ],
    "wrappers": [IndexModel([("since", ASCENDING)], name="age")],
    "pods": [IndexModel([("since", ASCENDING)], name="age")],
    "incarnations": [IndexModel([("since", ASCENDING)], expireAfterSeconds=_HOUR, name="age")],
    # The filter of the one use judges the age itself: expired documents go once a minute only.
    # What is kept of logs: nothing else in them pays for these.
    "log": [
        _which("kept", ["s", "_id"], {"e.k": {"$exists": True}}),
        IndexModel([("e.k.m", ASCENDING)], name="kept_about", sparse=True),
        # Under one key a log has one signal: the append of a repeat is refused by this, and finds what was sent.
        IndexModel(
            [("s", ASCENDING), ("u", ASCENDING)],
            unique=True,
            partialFilterExpression={"u": {"$exists": True}},
            name="keys",
        ),
    ],
    "log_keys": [IndexModel([("at", ASCENDING)], expireAfterSeconds=24 * _HOUR, name="age")],
    "history": [
        IndexModel([("s", ASCENDING), ("m", ASCENDING)], name="about"),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry", sparse=True),
    ],
    "webhooks": [
        IndexModel([("tenant", ASCENDING), ("_id", ASCENDING)], name="by_tenant"),
        IndexModel([("state", ASCENDING)], name="by_state"),
    ],
    "webhook_deliveries": [
        IndexModel([("webhook_id", ASCENDING), ("n", ASCENDING)], name="by_webhook"),
        _which("to_send", ["lane", "place"], {"state": "pending"}),
        _which("dead", ["webhook_id", "n"], {"state": "dead"}),  # few, which are listed and sent again
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry"),
    ],
    "webhook_lanes": [
        IndexModel([("due", ASCENDING), ("webhook_id", ASCENDING)], name="due"),
        IndexModel([("since", ASCENDING)], name="age"),
        IndexModel([("webhook_id", ASCENDING)], name="by_webhook"),
    ],
    "events": [
        IndexModel([("session_id", ASCENDING), ("version", ASCENDING)], name="by_version"),
        _which("refused", ["session_id", "at"], {"type": "request-refused"}),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry"),
    ],
    "quota_uses": [IndexModel([("counted_at", ASCENDING)], expireAfterSeconds=_HOUR, name="age")],
    "tickets": [IndexModel([("at", ASCENDING)], expireAfterSeconds=TICKET_SECONDS, name="age")],
    "client_reports": [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry")],
    "commands": [IndexModel([("at", ASCENDING)], expireAfterSeconds=24 * _HOUR, name="age")],
}


OF_MESSAGES = frozenset({"log", "log_keys", "history"})
"""Those that may be in a database of their own."""

_REPLACED = {
    "sessions": ("reconnecting",),
    "connections": ("by_seat", "by_owner"),
    "attachments": ("by_holder",),
}
"""What serves the queries of the version before as well is there under another name, and writes need not pay twice."""


_ONE_FOR_ALL = "custom_id_of_open"
"""The index by which a custom id was one session's of all tenants: the version before rests on it."""


async def ensure_indexes(database: Database, messages: Database | None = None) -> None:
    """Create what is missing, then drop what that replaces. Raises Unavailable when the database is not there yet.

    What cannot be made keeps no other from being made: a unique index over doubles, which were written while it was
    gone, is said, for programs must run to have them closed; whatever else the server answers is Trouble, in the end.
    """
    answers: list[ServerAnswer] = []
    with pymongo.timeout(BUILDING_SECONDS):
        for name, models in _INDEXES.items():
            collection = (messages or database if name in OF_MESSAGES else database)[name]
            failures = await _make(collection, models)
            answers += [failure for failure in failures if isinstance(failure, ServerAnswer)]
            if not failures:
                for replaced in (await collection.index_names()).intersection(_REPLACED.get(name, ())):
                    await _drop(collection, replaced)
        await _drop_one_for_all(database)
    if answers:
        raise answers[0]


async def _drop_one_for_all(database: Database) -> None:
    """Let tenants have the same custom id as soon as nobody's uniqueness rests on the old index (decision 12).

    A wrapper of the version before would make a second session beside a tenant's; a tenant would make a
    second one beside a session of before there were tenants, which its keys reach. Both are waited for.
    """
    sessions = database["sessions"]
    if _ONE_FOR_ALL not in await sessions.index_names() or not await WrapperLeases(database).all_know_tenants():
        return
    tenantless = {"status": "open", "custom_id": {"$type": "string"}, "tenant": None}
    if await sessions.find_one(tenantless, {"_id": 1}) is None:
        await _drop(sessions, _ONE_FOR_ALL)


async def _make(collection: Collection, models: list[IndexModel]) -> list[DuplicateKeyError | ServerAnswer]:
    """All in one go, which reads the documents once; one by one where the server makes none for the sake of one."""
    try:
        await collection.create_indexes(models)
    except (DuplicateKeyError, ServerAnswer) as failure:
        if len(models) > 1:
            return [each for model in models for each in await _make(collection, [model])]
        which = {"collection": collection.name, "index": str(models[0].document["name"])}
        if isinstance(failure, DuplicateKeyError):
            logger("store").error("an index cannot be made, for there are doubles", **which)
        else:
            logger("store").error("an index cannot be made", why=str(failure), **which)
        return [failure]
    return []


async def _drop(collection: Collection, name: str) -> None:
    try:
        await collection.drop_index(name)
    except ServerAnswer as said:
        if said.code != _NO_SUCH_INDEX:  # another process that starts now was first
            raise
