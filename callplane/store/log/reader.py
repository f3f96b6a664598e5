"""Log reader: heads, the chain behind a position, and pages for whoever reads a log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from callplane.store.log.records import Entry, LogKey, Record, id_range, key_of, position_of, read_record, record_id
from callplane.store.mongo.database import Database, Document
from callplane.store.shared_reads import SharedReads
from callplane.telemetry.failures import words

RECORDS_AT_ONCE = 100
"""As many as one read returns."""

_COUNTED = {name: {"$gte": least, "$type": ["int", "long"]} for name, least in (("n", 1), ("v", 0), ("z", 0))}
"""A filter: what says where it ends, as every record does."""


HEADS_AT_ONCE = 50
"""As many as one read returns: each is a stage of an aggregation."""

_HEAD = {"_id": 1, "n": 1, "v": 1, "z": 1}
"""A projection: what says where a log ends."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: the last position (0: it is empty), the session's version and the bytes up to there."""

    position: int = 0
    version: int = 1
    """That of the creation, of which no event tells."""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What follows a place: entries with their positions; ``gone``: what came next is not kept any more."""

    entries: tuple[tuple[int, Entry], ...]
    gone: bool


class LogReader:
    """Reads of a majority; each raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["log"]
        self._heads: SharedReads[LogKey, Head] = SharedReads(self._head)
        self.on_head: Callable[[LogKey, Head, float], None] = _unheard
        """Told of each end that was read, and when it was asked for (monotonic)."""

    async def head(self, log: LogKey) -> Head:
        """The log's present end; who ask at once share a read, which began after each of them asked."""
        return await self._heads(log)

    async def _head(self, log: LogKey) -> Head:
        asked = monotonic()
        head = await self._last(log)
        self.on_head(log, head, asked)
        return head

    async def _last(self, log: LogKey) -> Head:
        ids: dict[str, str] = id_range(log.key)
        while True:
            where = {"_id": ids, "s": log.session_id, **_COUNTED}
            found = await self._collection.find(where, _HEAD).sort("_id", -1).limit(1).to_list()
            if not found:
                return Head()
            (last,) = found
            try:
                return _end_of(last)
            except (TypeError, ValueError) as broken:
                self._tell(last, broken)
                ids = {**ids, "$lt": last["_id"]}

    async def heads(self, logs: Sequence[LogKey]) -> dict[LogKey, Head]:
        """The present ends of up to ``HEADS_AT_ONCE`` logs, by one command: much cheaper where many are opened."""
        by_key = {log.key: log for log in logs}
        if not by_key:
            return {}
        first, *others = [_last_of(log) for log in by_key.values()]
        united = [{"$unionWith": {"coll": self._collection.name, "pipeline": one}} for one in others]
        ends = dict.fromkeys(by_key.values(), Head())
        for last in await self._collection.aggregate([*first, *united]):
            log = by_key[key_of(last["_id"])]
            try:
                ends[log] = _end_of(last)
            except (TypeError, ValueError):
                ends[log] = await self.head(log)  # it passes over what cannot be read, and tells it
        return ends

    async def is_blocked(self, log: LogKey, position: int) -> bool:
        """Whether what stands there is no record of this log, and says no end of it either; it is told.

        Nobody can insert there, and nobody who asks for the head hears of it. It need not name the session.
        """
        found = await self._collection.find_one({"_id": record_id(log.key, position)})
        if found is None:
            return False
        try:
            _end_of(found)
            if found["s"] != log.session_id:
                raise ValueError("a record of another session's log")
        except (KeyError, TypeError, ValueError) as broken:
            self._tell(found, broken)
            return True
        return False

    async def chain(self, log: LogKey, first: int) -> list[Record]:
        """The records that follow each other without a gap, from exactly this position on; some of them at a time."""
        records = []
        for record in await self._from(log, first, RECORDS_AT_ONCE):
            if record.first != first:
                break
            records.append(record)
            first = record.last + 1
        return records

    async def has_before(self, log: LogKey, position: int) -> bool:
        """Whether anything before a position is kept: what is cut goes from the front, without a gap."""
        ids = {"$gte": record_id(log.key, 0), "$lt": record_id(log.key, position)}
        return await self._collection.find_one({"_id": ids, "s": log.session_id}, {"_id": 1}) is not None

    async def behind(self, heads: Mapping[LogKey, int]) -> list[LogKey]:
        """Those of them that go on behind what is said to be their head: the very records are asked for."""
        next_ids = {record_id(log.key, head + 1): log for log, head in heads.items()}
        where = {"_id": {"$in": list(next_ids)}, "s": {"$in": sorted({log.session_id for log in heads})}}
        return [next_ids[found["_id"]] async for found in self._collection.find(where, {"_id": 1})]

    async def page(self, log: LogKey, place: int, limit: int) -> Page:
        """Up to so many entries behind a place, which may be in the middle of a record."""
        where = {"_id": {"$gte": record_id(log.key, 0), "$lte": record_id(log.key, place + 1)}, "s": log.session_id}
        holding = await self._collection.find(where, {"_id": 1}).sort("_id", -1).limit(1).to_list()
        first = position_of(holding[0]["_id"]) if holding else place + 1
        entries: list[tuple[int, Entry]] = []
        gone = False
        expected = first
        for record in await self._from(log, first, min(limit + 1, RECORDS_AT_ONCE)):
            if record.first != expected:
                if entries:
                    break  # what is cut away while it is read: the next page begins behind it
                gone = True
            behind = [(at, one) for at, one in enumerate(record.entries, record.first) if at > place]
            entries += behind[: limit - len(entries)]
            expected = record.last + 1
            if len(entries) == limit:
                break
        return Page(tuple(entries), gone)

    async def _from(self, log: LogKey, first: int, limit: int) -> list[Record]:
        """Without what cannot be read, which is told: to who reads on it is as if it were not kept any more."""
        where = {"_id": id_range(log.key, first), "s": log.session_id}
        records = []
        for found in await self._collection.find(where).sort("_id", 1).limit(limit).to_list():
            try:
                records.append(read_record(found))
            except (KeyError, TypeError, ValueError) as broken:
                self._tell(found, broken)
        return records

    def _tell(self, found: Document, broken: Exception) -> None:
        self._collection.unread.tell(self._collection.name, found["_id"], words(broken))


def _unheard(_log: LogKey, _head: Head, _asked: float) -> None:
    """Nobody wants to know."""


def _last_of(log: LogKey) -> list[Mapping[str, Any]]:
    """Stages that find the last record of a log."""
    where = {"_id": id_range(log.key), "s": log.session_id, **_COUNTED}
    return [{"$match": where}, {"$sort": {"_id": -1}}, {"$limit": 1}, {"$project": _HEAD}]


def _end_of(found: Document) -> Head:
    """Where a log ends that ends with this. Raises KeyError, TypeError and ValueError."""
    n, version, size = found["n"], found["v"], found["z"]
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in (n, version, size)):
        raise TypeError("a record whose counts are no numbers")
    if n < 1 or version < 0 or size < 0:
        raise ValueError("a record that counts nothing")
    return Head(position_of(str(found["_id"])) + n - 1, version, size)
