"""The indexes that uniqueness, sweeps and lists rest on; made at every start, which is harmless."""

from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from callplane.store.database import Database
from callplane.store.tickets import TICKET_SECONDS
from callplane.store.trouble import away_when_unreachable
from callplane.telemetry.logs import logger

_HOUR = 3600


def _expiring(name: str, which: dict[str, Any]) -> IndexModel:
    """Delete what matches an hour after its ``since``."""
    return IndexModel([("since", ASCENDING)], expireAfterSeconds=_HOUR, partialFilterExpression=which, name=name)


_INDEXES: dict[str, list[IndexModel]] = {
    "sessions": [
        # Two null custom_ids would collide, so the key is left out where there is none (design 3).
        IndexModel(
            [("custom_id", ASCENDING)],
            unique=True,
            partialFilterExpression={"status": "open", "custom_id": {"$type": "string"}},
            name="custom_id_of_open",
        ),
        IndexModel([("status", ASCENDING), ("_id", ASCENDING)], name="by_status"),
        IndexModel([("outbox.at", ASCENDING)], name="outbox_age", sparse=True),
        IndexModel([("chores.at", ASCENDING)], name="chore_age", sparse=True),
        # Only a session that nobody is in, or a closed one, has ``since``: the sweeps for both read few entries.
        IndexModel([("status", ASCENDING), ("since", ASCENDING)], name="idle_since"),
        IndexModel([("media", ASCENDING)], name="by_media", sparse=True),
        # Asked each second by every wrapper: lost, draining and removed servers' sessions, among all open ones.
        IndexModel([("status", ASCENDING), ("server", ASCENDING), ("server_id", ASCENDING)], name="by_server"),
        IndexModel(
            [("participants.state", ASCENDING)],
            partialFilterExpression={"participants.state": "reconnecting"},
            name="reconnecting",
        ),
    ],
    "connections": [
        IndexModel([("session_id", ASCENDING), ("participant_id", ASCENDING)], name="by_seat"),
        IndexModel([("session_id", ASCENDING), ("publisher", ASCENDING)], name="by_publisher"),
        IndexModel([("owner", ASCENDING), ("state", ASCENDING)], name="by_owner"),
        IndexModel([("endpoint", ASCENDING)], name="by_endpoint", sparse=True),
        IndexModel([("state", ASCENDING), ("media_state", ASCENDING), ("since", ASCENDING)], name="by_age"),
        IndexModel([("outbox.at", ASCENDING)], name="outbox_age", sparse=True),
        IndexModel([("chores.at", ASCENDING)], name="chore_age", sparse=True),
        _expiring("released", {"state": "released"}),
        _expiring("offerless", {"offered": False}),
    ],
    "attachments": [
        IndexModel([("state", ASCENDING), ("since", ASCENDING)], name="by_state"),
        IndexModel([("session_id", ASCENDING)], name="by_session"),
        IndexModel([("holder", ASCENDING)], name="by_holder"),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expiry", sparse=True),
    ],
    # The filter of the one use judges the age itself: expired documents go once a minute only.
    "tickets": [IndexModel([("at", ASCENDING)], expireAfterSeconds=TICKET_SECONDS, name="age")],
    "commands": [IndexModel([("at", ASCENDING)], expireAfterSeconds=24 * _HOUR, name="age")],
}


async def ensure_indexes(database: Database) -> None:
    """Create what is missing. Raises Away when the database is not there yet.

    A unique index cannot be made over doubles, which were written while it was gone: said, for programs must run to
    have them closed; it is tried again with the next start.
    """
    for collection, models in _INDEXES.items():
        try:
            with away_when_unreachable():
                await database[collection].create_indexes(models)
        except DuplicateKeyError:
            logger("store").error("an index cannot be made, for there are doubles", collection=collection)
