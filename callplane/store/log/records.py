"""Record: what one append wrote into a log, as MongoDB holds it and as readers get it.

A log is the records under one key: the session's id for what concerns all of it, a participant's for what concerns one
connection. A position counts entries, from 1, over the log's whole life and without gaps. A record holds the
positions from ``first`` on; its ``_id`` is made of the key and that, so that two writers cannot both go on from one
head: the unique index is the only fence. Records are inserted and deleted, never updated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from callplane.contracts.ids import SessionId

ENTRIES_AT_MOST = 64
"""So many in one record."""

BYTES_AT_MOST = 256 * 1024
"""So much in one record; an entry that is longer has one for itself."""

_DIGITS = 12


KeptAs = Literal["chat", "edit", "delete"]


@dataclass(frozen=True, slots=True)
class LogKey:
    """Which log: its key, and the session that it belongs to, by which collections are sharded."""

    key: str
    session_id: SessionId


@dataclass(frozen=True, slots=True)
class Kept:
    """That an entry belongs to the history, which outlives its record; ``parties`` alone may read it (None: all)."""

    about: str
    """The id of the message that it is, or that it edits or deletes."""
    does: KeptAs
    parties: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """That an entry was sent under an Idempotency-Key: the id that derives from it, and what tells a repeat.

    What one signal to several is made of has one key; the first of its entries enters it into the log's unique index.
    """

    id: str
    body_hash: bytes
    enters: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One message; ``to`` names the participant whom alone it is for, ``version`` is the session's after this event."""

    id: str
    type: str
    body: bytes
    to: str | None = None
    version: int | None = None
    kept: Kept | None = None
    keyed: Keyed | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Entries at the positions from ``first`` on."""

    first: int
    entries: tuple[Entry, ...]
    version: int
    """The session's version after it, handed on from the record before."""
    size: int
    """Bytes of bodies since the log began."""

    @property
    def last(self) -> int:
        """The position of its last entry."""
        return self.first + len(self.entries) - 1


def record_id(key: str, first: int) -> str:
    """Its ``_id``: those of one log sort by position."""
    return f"{key}:{first:0{_DIGITS}d}"


def key_of(id_: str) -> str:
    """The log's key in an ``_id``."""
    return id_.rpartition(":")[0]


def position_of(id_: str) -> int:
    """The position in an ``_id``. Raises ValueError for what is none."""
    return int(id_.rpartition(":")[2])


def id_range(key: str, at_least: int = 1) -> dict[str, str]:
    """A filter on ``_id``: the records of one log from a position on."""
    return {"$gte": record_id(key, at_least), "$lt": f"{key}::"}  # : follows 9 in ASCII


def written(log: LogKey, record: Record, at: datetime) -> dict[str, Any]:
    """The document of a record. Only keys that it enters are in its ``u``, which is not there where there are none."""
    keys = [one.keyed.id for one in record.entries if one.keyed is not None and one.keyed.enters]
    return {
        "_id": record_id(log.key, record.first),
        "s": log.session_id,
        "n": len(record.entries),
        "v": record.version,
        "z": record.size,
        "at": at,
        "e": [written_entry(one) for one in record.entries],
        **({"u": keys} if keys else {}),
    }


def written_entry(entry: Entry) -> dict[str, Any]:
    """The same of one entry."""
    to = {} if entry.to is None else {"t": entry.to}
    kept = {} if entry.kept is None else {"k": written_kept(entry.kept)}
    keyed = {} if entry.keyed is None else {"h": entry.keyed.body_hash}
    return {"i": entry.id, "y": entry.type, "b": entry.body, **to, **kept, **keyed}


def written_kept(kept: Kept) -> dict[str, Any]:
    """The part of it by which the history finds it."""
    parties = {} if kept.parties is None else {"p": list(kept.parties)}
    return {"m": kept.about, "w": kept.does, **parties}


def read_record(found: Mapping[str, Any]) -> Record:
    """The record of a document. Raises KeyError, TypeError and ValueError for what is none."""
    entries = read_entries(found)
    record = Record(position_of(str(found["_id"])), entries, int(found["v"]), int(found["z"]))
    if len(entries) != found["n"] or not entries:
        raise ValueError("a record without the entries that it counts")
    return record


def read_entries(found: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries of a record, or of what is sent as one and never kept. Raises as ``read_record``."""
    return tuple(
        Entry(
            str(one["i"]),
            str(one["y"]),
            bytes(one["b"]),
            to=one.get("t"),
            kept=read_kept(one.get("k")),
            keyed=Keyed(message_id(str(one["i"])), bytes(one["h"])) if "h" in one else None,
        )
        for one in found["e"]
    )


def entry_id(message: str, to: str | None) -> str:
    """Of one message for several seats each has an entry, and an appender joins those of one id."""
    return message if to is None else f"{message}/{to}"


def message_id(entry: str) -> str:
    """The message's id in an entry's."""
    return entry.partition("/")[0]


def read_kept(found: Mapping[str, Any] | None) -> Kept | None:
    """The reverse of ``written_kept``. Raises KeyError and TypeError."""
    if found is None:
        return None
    parties = found.get("p")
    return Kept(str(found["m"]), found["w"], None if parties is None else tuple(parties))


def fitting(waiting: Sequence[Entry]) -> int:
    """How many of these, from the first on, make one record."""
    size = 0
    for number, entry in enumerate(waiting):
        size += len(entry.body)
        if number and (number == ENTRIES_AT_MOST or size > BYTES_AT_MOST):
            return number
    return len(waiting)
