"""History: the chat of a session, out of its log and of what was kept of it before the log was cut, with edits folded.

Always the log first and the copies then: what is copied and deleted between the two is found by the second.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.kept_entries import RECORDS_AT_ONCE, position_in
from callplane.store.log.records import ENTRIES_AT_MOST, Kept, LogKey, id_range, read_kept, read_record, record_id
from callplane.store.mongo.database import Database, Document

NEWEST_FIRST, OLDEST_FIRST = -1, 1


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """One entry of the history; ``body`` is None once its message was deleted and forgotten."""

    position: int
    kept: Kept
    body: bytes | None

    def is_for(self, reader: ParticipantId | None) -> bool:
        """Whether this participant may read it; None: a server, which may read all."""
        return reader is None or self.kept.parties is None or reader in self.kept.parties


@dataclass(frozen=True, slots=True)
class Span:
    """Which messages: between two positions, neither included, the oldest or the newest of them, so many at most."""

    after: int | None = None
    before: int | None = None
    limit: int = 100

    @property
    def direction(self) -> int:
        """From where: behind a position that was named, from there; else from the end."""
        return NEWEST_FIRST if self.after is None else OLDEST_FIRST

    def ids(self, log: LogKey) -> Document:
        """A filter on the ids of single entries."""
        ids: Document = dict(id_range(log.key, (self.after or 0) + 1))
        return ids if self.before is None else {**ids, "$lt": record_id(log.key, self.before)}

    def holds(self, position: int) -> bool:
        """Whether a position is in it."""
        return (self.after or 0) < position and (self.before is None or position < self.before)


@dataclass(frozen=True, slots=True)
class FoldedMessage:
    """A message as it is now."""

    position: int
    kept: Kept
    body: bytes | None
    """That of the message; None once it was deleted."""
    edit: bytes | None = None
    """That of the last edit."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some messages, oldest first, and the position from which to go on in the same direction; None: these are all."""

    messages: tuple[FoldedMessage, ...]
    next: int | None


class History:
    """Reads of a majority; each raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._log = database["log"]
        self._copies = database["history"]

    async def page(self, session_id: SessionId, span: Span, reader: ParticipantId | None) -> HistoryPage:
        """The messages of a span that this reader may read."""
        log = LogKey(session_id, session_id)
        found = {one.position: one for one in await self._in_log(log, span, reader)}
        found |= {one.position: one for one in await self._in_copies(log, span, reader)}
        positions = sorted(found, reverse=span.direction == NEWEST_FIRST)[: span.limit]
        messages = await self._folded(session_id, [found[one] for one in sorted(positions)])
        return HistoryPage(tuple(messages), positions[-1] if len(positions) == span.limit else None)

    async def message(self, session_id: SessionId, message_id: str) -> FoldedMessage | None:
        """One message; None where there is none, or no more."""
        about = await self._about(session_id, {message_id})
        originals = [one for one in about if one.kept.does == "chat"]
        return _fold(originals[0], about) if originals else None

    async def exists(self, session_id: SessionId) -> bool:
        """Whether anything was kept of a session that may be deleted by now."""
        return await self._copies.find_one({"s": session_id}, {"_id": 1}) is not None

    async def _in_log(self, log: LogKey, span: Span, reader: ParticipantId | None) -> list[KeptEntry]:
        """Records by records, for what their entries are and who may read them no filter of theirs can say."""
        # A record begins before the entries that it holds: one that lies across the span's beginning is looked at too.
        first = max(0, (span.after or 0) + 1 - ENTRIES_AT_MOST)
        ids: Document = {**id_range(log.key, first), **({} if span.before is None else {"$lt": span.ids(log)["$lt"]})}
        found: list[KeptEntry] = []
        while True:
            where: Document = {"s": log.session_id, "_id": ids, "e.k": {"$exists": True}}
            records = await self._log.find(where).sort("_id", span.direction).limit(RECORDS_AT_ONCE).to_list()
            found += [
                one
                for record in records
                for one in _kept_of(record)
                if one.kept.does == "chat" and span.holds(one.position) and one.is_for(reader)
            ]
            if len(records) < RECORDS_AT_ONCE or len(found) >= span.limit:
                return found
            last = records[-1]["_id"]
            ids = {**ids, ("$lt" if span.direction == NEWEST_FIRST else "$gt"): last}

    async def _in_copies(self, log: LogKey, span: Span, reader: ParticipantId | None) -> list[KeptEntry]:
        where: Document = {"s": log.session_id, "_id": span.ids(log), "w": "chat"}
        if reader is not None:
            where["$or"] = [{"p": {"$exists": False}}, {"p": reader}]
        copies = await self._copies.find(where).sort("_id", span.direction).limit(span.limit).to_list()
        return _readable(copies)

    async def _folded(self, session_id: SessionId, messages: Sequence[KeptEntry]) -> list[FoldedMessage]:
        if not messages:
            return []
        about = await self._about(session_id, {one.kept.about for one in messages})
        first: dict[str, int] = {}
        for one in about:
            if one.kept.does == "chat":
                first.setdefault(one.kept.about, one.position)
        # What a client has sent twice under one key is in the log twice, and here where it came first.
        return [_fold(one, about) for one in messages if first.get(one.kept.about, one.position) == one.position]

    async def _about(self, session_id: SessionId, ids: Collection[str]) -> list[KeptEntry]:
        """All that was said about these messages, in order, each once."""
        records = await self._log.find({"s": session_id, "e.k.m": {"$in": list(ids)}}).to_list()
        copies = await self._copies.find({"s": session_id, "m": {"$in": list(ids)}}).to_list()
        found = {one.position: one for record in records for one in _kept_of(record) if one.kept.about in ids}
        found |= {one.position: one for one in _readable(copies)}
        return [found[position] for position in sorted(found)]


def _fold(message: KeptEntry, about: Iterable[KeptEntry]) -> FoldedMessage:
    """Later edits replace earlier ones; nothing brings back what was deleted."""
    changes = [one for one in about if one.kept.about == message.kept.about]
    if message.body is None or any(one.kept.does == "delete" for one in changes):
        return FoldedMessage(message.position, message.kept, None)
    edits = [one.body for one in changes if one.kept.does == "edit"]
    return FoldedMessage(message.position, message.kept, message.body, edits[-1] if edits else None)


def _kept_of(found: Document) -> list[KeptEntry]:
    """What is kept of a record; nothing of one that cannot be read, which readers of the log pass over as well."""
    try:
        record = read_record(found)
    except (KeyError, TypeError, ValueError):
        return []
    placed = enumerate(record.entries, record.first)
    return [KeptEntry(position, one.kept, one.body) for position, one in placed if one.kept is not None]


def _readable(copies: Iterable[Document]) -> list[KeptEntry]:
    read: list[KeptEntry] = []
    for one in copies:
        try:
            kept = read_kept(one)
            body = one.get("b")
            if kept is not None:
                read.append(KeptEntry(position_in(one), kept, None if body is None else bytes(body)))
        except (KeyError, TypeError, ValueError):
            continue
    return read
