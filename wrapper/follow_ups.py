"""Follow-ups: the bounded queue of what committed changes owe, an event to publish and chores to carry out."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass

from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.versioned_updates import Change
from callplane.telemetry.logs import logger

BACKLOG = 1000

Owing = SessionDocument | ConnectionDocument


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What one change owes: its document, whether its maker publishes the outbox, and the ids of its chores."""

    document: Owing
    publishes: bool
    chores: frozenset[str]


class FollowUps:
    """Whoever commits a change puts in what it owes; ``FollowUpRunner`` takes it out. What does not fit is swept.

    Events come before chores: what has happened is told to all before anything else is done about any of it.
    """

    def __init__(self) -> None:
        self._waiting: asyncio.PriorityQueue[tuple[bool, int, FollowUp]] = asyncio.PriorityQueue(BACKLOG)
        """What has no event to be told stands behind all that has; each kind in the order in which it came."""
        self._numbers = itertools.count()
        self._documents: Counter[str] = Counter()
        """Document → how often it waits."""
        self._untold = 0
        """How many wait with an event."""
        self._log = logger("aftermath")

    def schedule(self, change: Change[SessionDocument] | Change[ConnectionDocument] | None) -> None:
        """Take over what the change owes; at once and without waiting."""
        if change is None or not (change.publishes or change.chores):
            return
        if not self.put(FollowUp(change.document, change.publishes, frozenset(change.chores))):
            self._log.warning("backlog full, left to the sweep", document=change.document.id)

    def put(self, one: FollowUp) -> bool:
        """Have it wait for its turn. False: there is no room."""
        try:
            self._waiting.put_nowait((not one.publishes, next(self._numbers), one))
        except asyncio.QueueFull:
            return False
        self._documents[one.document.id] += 1
        self._untold += one.publishes
        return True

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting.qsize()

    def untold(self) -> bool:
        """Whether an event waits."""
        return self._untold > 0

    def awaits(self, document_id: str) -> bool:
        """Whether something of this document waits here, and nobody has begun it."""
        return document_id in self._documents

    async def next(self) -> FollowUp:
        """The one that waits longest, of those with an event if there are any; ``done`` is to be called after it."""
        _, _, one = await self._waiting.get()
        self._untold -= one.publishes
        self._documents[one.document.id] -= 1
        if not self._documents[one.document.id]:
            del self._documents[one.document.id]
        return one

    def done(self) -> None:
        """One that was taken out has been worked on, whatever came of it."""
        self._waiting.task_done()

    async def finish(self, seconds: float) -> None:
        """Wait until all that was put in is done, or the time is over: then a sweep elsewhere does the rest."""
        try:
            async with asyncio.timeout(seconds):
                await self._waiting.join()
        except TimeoutError:
            self._log.warning("left to the sweep", left=len(self))
