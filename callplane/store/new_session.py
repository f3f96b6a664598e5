"""New session: the document that a session begins as."""

from dataclasses import dataclass

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import CreateSession
from callplane.contracts.engines import Engine
from callplane.store.free_json import stored
from callplane.store.mongo.database import Document

SETTINGS = ("max_participants", "empty_timeout", "departure_timeout", "grace", "duplicates")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a new session has from where it is made: the engine of its messages, its tenant (None: of all keys), and in
    which queue its commands wait."""

    engine: Engine = "queues"
    tenant: str | None = None
    commands: CommandQueues = "per-session"
    created_by: str | None = None
    """The identity of the access token that it is made by; null: of an API key."""
    keyed_records: bool = False
    """Whether its signals' keys are in their records: every program that meets one looks for them there."""


OF_ALL = Origin()


def new_session(wanted: CreateSession, origin: Origin) -> Document:
    """Without what the database says of it: its id and its times."""
    custom = {} if wanted.custom_id is None else {"custom_id": wanted.custom_id}
    creator = {} if origin.created_by is None else {"created_by": origin.created_by}
    tenant = {} if origin.tenant is None else {"tenant": origin.tenant}
    keyed = {"keyed_records": True} if origin.keyed_records else {}
    return {
        **custom,
        **tenant,
        **creator,
        **keyed,
        "engine": origin.engine,
        "commands": origin.commands,
        "status": "open",
        "epoch": 1,
        "version": 1,
        "settings": {name: getattr(wanted, name) for name in SETTINGS},
        "metadata": stored(wanted.metadata),
        "media": None,
        "server": None,
        "participants": [],
        "streams": [],
        "outbox": [],
        "chores": [],
        "applied": [],
        "kicked": [],
        "left": False,
        "peak": 0,
        "seats_counted": 0,
        "seat_ms": 0,
    }
