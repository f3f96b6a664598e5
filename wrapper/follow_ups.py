"""Follow-ups: the bounded queue of what committed changes owe, an event to publish and chores to carry out."""

import asyncio
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
    """Whoever commits a change puts in what it owes; ``FollowUpRunner`` takes it out. What does not fit is swept."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[FollowUp] = asyncio.Queue(BACKLOG)
        self._log = logger("aftermath")

    def schedule(self, change: Change[SessionDocument] | Change[ConnectionDocument] | None) -> None:
        """Take over what the change owes; at once and without waiting."""
        if change is None or not (change.publishes or change.chores):
            return
        try:
            self._waiting.put_nowait(FollowUp(change.document, change.publishes, frozenset(change.chores)))
        except asyncio.QueueFull:
            self._log.warning("backlog full, left to the sweep", document=change.document.id)

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting.qsize()

    async def next(self) -> FollowUp:
        """The one that waits longest; ``done`` is to be called after it."""
        return await self._waiting.get()

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
