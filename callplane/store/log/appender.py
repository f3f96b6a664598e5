"""Log appender: group commit of entries into many logs, each in the order in which its entries came.

A record goes to the position behind the head that this process believes in; where another was first, the unique id
refuses it, and it is tried again behind what was read. What no answer was heard of is sent again at the same position
until it is known, and nothing else is appended to that log meanwhile: so an entry is in a log once, whatever its
outcome looked like. A head that was learnt long ago is not used: behind it, records may have been cut away.

What was sent under an Idempotency-Key is in its log once as well, whoever appends it: the index of keys refuses a
record that enters one which the log has, and what came under that is answered by what is there (decision 20).
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic

from callplane.concurrency import for_each, forever
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.log.bounds import CUT_EVERY, LogBounds, is_whole
from callplane.store.log.keys import FoundKey, LogKeys
from callplane.store.log.reader import Head, LogReader
from callplane.store.log.records import Entry, LogKey, Record, record_id, written
from callplane.store.log.tail import Tail
from callplane.store.mongo.database import Database, DatabaseClock
from callplane.store.mongo.driver import Outcome

INSERTS_AT_ONCE = 2
"""Commands under way; what comes meanwhile makes the next one."""

RECORDS_AT_ONCE = 100
BYTES_AT_ONCE = 1 << 20
WITHIN = 5.0
"""Seconds until a caller hears that it is not known yet."""

BELIEVED = 30.0
"""Seconds (of the monotonic clock) for which a head may be used: far less than the age at which records are cut."""

LOGS_KEPT = 20_000
OnAppended = Callable[[LogKey, Record, datetime], None]
"""Told of each record of ours that a majority has, and when it was sent, in database time; never waits."""

FIRST_PAUSE, LONGEST_PAUSE = 0.004, 0.016
UNKNOWN_PAUSE = 0.1


class Appender:
    """Appends to logs for one process; ``run`` does it, until cancelled."""

    def __init__(
        self,
        database: Database,
        clock: DatabaseClock,
        now: Callable[[], float] = monotonic,
        appended: OnAppended = lambda *_: None,
    ) -> None:
        self._collection = database["log"]
        self._reader = LogReader(database)
        self._bounds = LogBounds(database, clock)
        self._keys = LogKeys(database)
        self._clock = clock
        self._now = now
        self._appended = appended
        self._tails: OrderedDict[str, Tail] = OrderedDict()
        """Of the logs that were appended to last."""
        self._ready: deque[Tail] = deque()
        """Those with something to append that nobody has in hand."""
        self._work = asyncio.Condition()

    async def run(self) -> None:
        """Insert what waits; some commands side by side."""
        async with asyncio.TaskGroup() as group:
            for _ in range(INSERTS_AT_ONCE):
                group.create_task(forever("log appends", self._insert))

    async def append(self, key: LogKey, entries: Sequence[Entry]) -> list[int | None]:
        """Their positions, in order, once a majority has them; None is of an event that the log had already.

        An id that is on its way already is joined. Raises Trouble for an event whose predecessors are in no log,
        Refusal ``key-reused`` where another request had the key of an entry, and Unavailable when nothing is known in
        time: then they may be appended yet, and are to be sent again with the same ids.
        """
        tail = self._tail(key)
        positions = tail.add(entries)
        await self._in_line(tail)
        _done, late = await asyncio.wait(positions, timeout=WITHIN) if positions else ((), ())
        if late:
            raise Unavailable("it is not known in time whether the log has it")
        return [position.result() for position in positions]

    def heard(self, key: LogKey, head: Head, at: datetime) -> None:
        """Another has appended up to there, by that database time: our next record need not be refused to learn it."""
        tail = self._tails.get(key.key)
        if tail is None or tail.record is not None or (tail.head is not None and head.position <= tail.head.position):
            return
        age = (self._clock.now() - at).total_seconds()
        tail.head, tail.learnt = head, self._now() - max(0.0, age)

    def learnt(self, key: LogKey, head: Head, asked: float) -> None:
        """Another part of this process has read the end, which it asked for then (monotonic): we need not do so.

        Of logs to which something is about to be appended here; what is known to be newer stays.
        """
        tail = self._tail(key)
        if tail.record is None and (tail.head is None or head.position >= tail.head.position):
            tail.head, tail.learnt = head, asked

    def _tail(self, key: LogKey) -> Tail:
        tail = self._tails.setdefault(key.key, Tail(key))
        self._tails.move_to_end(key.key)
        while len(self._tails) > LOGS_KEPT and next(iter(self._tails.values())).is_idle:
            self._tails.popitem(last=False)
        return tail

    async def _in_line(self, tail: Tail) -> None:
        if not tail.busy and not tail.is_idle:
            tail.busy = True
            async with self._work:
                self._ready.append(tail)
                self._work.notify()

    async def _insert(self) -> None:
        while True:
            async with self._work:
                await self._work.wait_for(lambda: self._ready)
                tails = [self._ready.popleft() for _ in range(min(len(self._ready), RECORDS_AT_ONCE))]
            try:
                await self._one_round(tails)
            except (Unavailable, Trouble):
                await asyncio.sleep(UNKNOWN_PAUSE)  # what was begun is as it was, and is gone on with
            finally:
                for tail in tails:
                    tail.busy = False
                    await self._in_line(tail)

    async def _one_round(self, tails: list[Tail]) -> None:
        """Make the next record of each, insert them with one command, and act on what became of each."""
        await for_each(self._prepare, [tail for tail in tails if tail.record is None])
        ready = [(tail, tail.record) for tail in tails if tail.record is not None]
        for portion in _portions(ready):
            at = self._clock.now()
            for tail, _record in portion:
                tail.sent_at = at
            outcomes = await self._collection.insert_each([written(tail.key, one, at) for tail, one in portion])
            await for_each(self._judge, list(zip(portion, outcomes, strict=True)))

    async def _prepare(self, tail: Tail) -> None:
        """Make its next record, at a head that may be believed.

        Events behind a gap: another process appended those before, and the head is read after they came.
        """
        came_before: frozenset[str] = frozenset()
        head = tail.head if self._now() - tail.learnt <= BELIEVED else None
        while head is None or not tail.behind_gap(head.version) <= came_before:
            came_before, asked = tail.events(), self._now()
            tail.head = head = await self._reader.head(tail.key)
            tail.learnt = asked
        if not is_whole(head) and (keyed := {one.keyed.id for one in tail.keyed() if one.keyed}):
            tail.is_there(await self._keys.copied(tail.key, keyed))
        tail.next_record(head)

    async def _judge(self, inserted: tuple[tuple[Tail, Record], Outcome]) -> None:
        (tail, record), outcome = inserted
        if outcome == "unknown":
            await asyncio.sleep(UNKNOWN_PAUSE)  # and then the same again
        elif outcome == "double":
            await self._refused(tail, record)
        elif outcome == "known":
            await self._key_found(tail, record)
        elif await self._stands(tail, record):
            tail.appended()
            self._appended(tail.key, record, tail.sent_at)
            if record.last // CUT_EVERY != (record.first - 1) // CUT_EVERY:
                with suppress(Unavailable, Trouble):  # whoever comes past the next one does it
                    await self._bounds.cut(tail.key, Head(record.last, record.version, record.size))

    async def _refused(self, tail: Tail, record: Record) -> None:
        """Another record is at that position: one of ours perhaps, of which no answer came."""
        asked = self._now()
        positions: dict[str, int] = {}
        own: list[Record] = []
        sent = {entry.id: entry for entry in record.entries}
        head, chain = Head(), await self._reader.chain(tail.key, record.first)
        while chain:
            for one in chain:
                positions |= {
                    entry.id: at for at, entry in enumerate(one.entries, one.first) if not _is_anothers(entry, sent)
                }
                own += [one] if any(entry.id in sent for entry in one.entries) else []
            head = Head(chain[-1].last, chain[-1].version, chain[-1].size)
            chain = await self._reader.chain(tail.key, head.position + 1)
        if any(entry.id in positions for entry in record.entries) and not await self._stands(tail, record):
            return
        # A majority does not have it yet, or it was cut away and the head is far off; and at a head of long ago the
        # record may be one of another that was paused, in a place that was emptied: nobody goes on from there.
        if not head.position or asked - tail.learnt > BELIEVED:
            head = await self._reader.head(tail.key)
        if head.position < record.first and tail.refusals:
            head = await self._behind_rubbish(tail, record) or head
        if head.position >= record.first:
            tail.head, tail.learnt = head, asked
            tail.found(positions)
            for one in own:  # of which nobody was told while nobody knew that it is there
                self._appended(tail.key, one, tail.sent_at)
        tail.refusals += 1
        if tail.refusals > 1:  # let others be first
            await self._pause(tail)

    @staticmethod
    async def _pause(tail: Tail) -> None:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(0, tail.refusals - 2), 8))
        await asyncio.sleep(random.uniform(0, longest))

    async def _key_found(self, tail: Tail, record: Record) -> None:
        """A key of it is in the log: with what was sent before, unless that is ours, of which no answer came."""
        found = await self._keys.in_records(tail.key, tail.keyed())
        if any(one.first == record.first for one in found.values()):
            await self._refused(tail, record)
        elif found:
            tail.is_there({id_: await self._if_readers_come_by(tail, one) for id_, one in found.items()})
        else:  # no majority has it yet, or it was cut away this moment
            tail.refusals += 1
            await self._pause(tail)

    async def _if_readers_come_by(self, tail: Tail, found: FoundKey) -> FoundKey:
        """What has it may have been left in an emptied place by one that was paused, where nobody was told of it."""
        if found.first is None or tail.head is None or is_whole(tail.head):
            return found
        return found if await self._in_its_place(tail.key, found.first) else FoundKey(None, found.first)

    async def _behind_rubbish(self, tail: Tail, record: Record) -> Head | None:
        """The head, where what stands in the record's place can never be read: it takes up one position."""
        if tail.head is None or not await self._reader.is_blocked(tail.key, record.first):
            return None
        return Head(record.first, tail.head.version, tail.head.size)

    async def _stands(self, tail: Tail, record: Record) -> bool:
        """Whether the record is where readers come by; one at an old head may not be, and then it is taken back."""
        if self._now() - tail.learnt <= BELIEVED or await self._in_its_place(tail.key, record.first):
            return True
        where = {"_id": record_id(tail.key.key, record.first), "s": tail.key.session_id, "e.i": record.entries[0].id}
        await self._collection.delete_one(where)
        tail.head = None
        tail.found({})
        return False

    async def _in_its_place(self, key: LogKey, position: int) -> bool:
        """Whether the log goes on from there to its head: else it stands where older records were cut away.

        The very last place of those fits to what follows it. So where nothing lies before it, that is not known, and
        no is the better answer: the record is appended again, and who had read it knows its entries by their ids.
        """
        if position > 1 and not await self._reader.has_before(key, position):
            return False
        while True:
            head = await self._reader.head(key)
            while chain := await self._reader.chain(key, position):
                position = chain[-1].last + 1
            if position > head.position:
                return True
            if not await self._reader.chain(key, position):
                return False


def _is_anothers(there: Entry, sent: Mapping[str, Entry]) -> bool:
    """Whether it came under the key of one of these from another request: the index of keys tells, at the next try."""
    ours = sent.get(there.id)
    if ours is None or ours.keyed is None or there.keyed is None:
        return False
    return ours.keyed.body_hash != there.keyed.body_hash


def _portions(ready: list[tuple[Tail, Record]]) -> list[list[tuple[Tail, Record]]]:
    """Parts that are no more than one command should carry."""
    parts: list[list[tuple[Tail, Record]]] = []
    size = BYTES_AT_ONCE
    for tail, record in ready:
        length = sum(len(one.body) for one in record.entries)
        if not parts or size + length > BYTES_AT_ONCE:
            parts.append([])
            size = 0
        parts[-1].append((tail, record))
        size += length
    return parts
