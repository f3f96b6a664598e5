"""Keys of signals: which a log has, in its records and, once those are cut away, in copies that stay for a day.

A record enters the Idempotency-Keys of what it holds into a unique index, so that one that has a key of another's is
refused. Whoever deletes records copies their keys first, as it does with what belongs to the history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callplane.contracts.errors import Unavailable
from callplane.store.log.records import Entry, LogKey, id_range, message_id, position_of, read_record
from callplane.store.mongo.database import Database, Document

RECORDS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What was sent under a key."""

    body_hash: bytes | None
    """Of its request; None: what has the key cannot be read."""
    first: int | None = None
    """The position of the record that entered it; None: that is not kept any more, and all of it had been sent."""
    positions: Mapping[str, int] = field(default_factory=dict)
    """Where its entries are, by their ids."""


class LogKeys:
    """Reads of a majority, and copies; each raises Unavailable, and each may be repeated."""

    def __init__(self, database: Database) -> None:
        self._log = database["log"]
        self._copies = database["log_keys"]

    async def in_records(self, log: LogKey, entries: Sequence[Entry]) -> dict[str, FoundKey]:
        """What the log has under the keys of these, and which of them are there. Not what no majority has yet."""
        ids = {one.keyed.id for one in entries if one.keyed is not None}
        records = await self._log.find({"s": log.session_id, "u": {"$in": sorted(ids)}}).to_list()
        found = {id_: _found(record, id_) for record in records for id_ in ids.intersection(_entered(record))}
        there = {at for one in found.values() for at in one.positions}
        missing = [one for one in entries if one.keyed and one.keyed.id in found and one.id not in there]
        return {**found, **await self._behind(log, found, missing)}

    async def _behind(
        self, log: LogKey, found: Mapping[str, FoundKey], missing: Sequence[Entry]
    ) -> dict[str, FoundKey]:
        """The same with those of one signal to many that stand in later records."""
        begun = [one.first for one in found.values() if one.first is not None]
        if not missing or not begun:
            return {}
        ids = sorted(one.id for one in missing)
        where: Document = {"s": log.session_id, "_id": id_range(log.key, min(begun)), "e.i": {"$in": ids}}
        complete = dict(found)
        for record in await self._log.find(where).sort("_id", 1).to_list():
            for id_, one in complete.items():
                there = {**_found(record, id_).positions, **one.positions}
                complete[id_] = FoundKey(one.body_hash, one.first, there)
        return complete

    async def copied(self, log: LogKey, ids: Collection[str]) -> dict[str, FoundKey]:
        """The same of those whose records are not kept any more."""
        where: Document = {"_id": {"$in": sorted(ids)}, "s": log.session_id}
        return {one["_id"]: FoundKey(bytes(one["h"])) async for one in self._copies.find(where)}

    async def copy(self, log: LogKey, ids: Document) -> None:
        """Copy the keys out of the records with these ids, oldest first; back when a majority has all of them."""
        where: Document = {"_id": ids, "s": log.session_id, "u": {"$exists": True}}
        while found := await self._log.find(where).sort("_id", 1).limit(RECORDS_AT_ONCE).to_list():
            copies = [
                {"_id": id_, "s": log.session_id, "h": key.body_hash, "at": record.get("at")}
                for record in found
                for id_ in _entered(record)
                if (key := _found(record, id_)).body_hash is not None
            ]
            if copies and "unknown" in await self._copies.insert_each(copies):
                raise Unavailable("it is not known whether the keys were copied")
            where = {**where, "_id": {**ids, "$gt": found[-1]["_id"]}}


def _entered(found: Mapping[str, Any]) -> list[str]:
    """The keys of a record that somebody else may have written."""
    keys = found["u"]
    return [one for one in (keys if isinstance(keys, list) else [keys]) if isinstance(one, str)]


def _found(found: Mapping[str, Any], id_: str) -> FoundKey:
    """What a record has under a key; nothing that tells a repeat, where it cannot be read."""
    try:
        record = read_record(found)
        placed = [(at, one) for at, one in enumerate(record.entries, record.first) if message_id(one.id) == id_]
        hashes = [one.keyed.body_hash for _, one in placed if one.keyed is not None]
        return FoundKey(hashes[0] if hashes else None, record.first, {one.id: at for at, one in placed})
    except (KeyError, TypeError, ValueError):
        return FoundKey(None, position_of(str(found["_id"])))
