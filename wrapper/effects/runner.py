"""Doing at once what a change owes: its event, then its chores; what fails or is too much is left to the sweep."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.versioned_updates import Change
from callplane.telemetry.logs import lines_about, logger
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox

WORKERS = 16
BACKLOG = 1000

Owing = SessionDocument | ConnectionDocument
Outcome = Literal["done", "undone", "away"]


@dataclass(frozen=True, slots=True)
class Left:
    """The events and chores that could not be done; ``away``: for store or broker did not answer."""

    entries: tuple[str, ...] = ()
    away: bool = False


class FollowUpRunner:
    """Some workers on one bounded queue of documents that owe something."""

    def __init__(self, outbox: Outbox, chores: Chores) -> None:
        self._outbox = outbox
        self._chores = chores
        self._waiting: asyncio.Queue[tuple[Owing, bool, frozenset[str]]] = asyncio.Queue(BACKLOG)
        self._log = logger("aftermath")

    def owes(self, change: Change[SessionDocument] | Change[ConnectionDocument] | None) -> None:
        """Queue what this change made; when the queue is full the sweep takes it up a second later."""
        if change is None or not (change.carries or change.chores):
            return
        try:
            self._waiting.put_nowait((change.document, change.carries, frozenset(change.chores)))
        except asyncio.QueueFull:
            self._log.warning("backlog full, left to the sweep", document=change.document.id)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def finish(self, seconds: float) -> None:
        """Wait until the queue is done, or the time is over: then a sweep elsewhere does the rest."""
        try:
            async with asyncio.timeout(seconds):
                await self._waiting.join()
        except TimeoutError:
            self._log.warning("left to the sweep", left=self._waiting.qsize())

    async def _work(self) -> None:
        while True:
            document, carries, chores = await self._waiting.get()
            try:
                await self.do(document, carries=carries, chores=chores)
            finally:
                self._waiting.task_done()

    async def do(self, document: Owing, *, carries: bool, chores: frozenset[str]) -> Left:
        """Publish the outbox where this is the carrier, then do these chores; failures are logged, not raised."""
        outcomes: dict[str, Outcome] = {}
        if carries:
            carried = await self._guarded(document, "outbox", self._carry(document))
            outcomes |= {entry.id: carried for entry in document.outbox}
        for chore in document.chores:
            if chore.id in chores:
                outcomes[chore.id] = await self._guarded(document, chore.do, self._chores.do(document, chore))
        left = tuple(entry for entry, outcome in outcomes.items() if outcome != "done")
        return Left(left, "away" in outcomes.values())

    async def _carry(self, document: Owing) -> bool:
        if isinstance(document, SessionDocument):
            await self._outbox.carry_session(document)
        else:
            await self._outbox.carry_connection(document)
        return True

    async def _guarded(self, document: Owing, what: str, work: Coroutine[Any, Any, bool]) -> Outcome:
        with lines_about(session_id=document.id if isinstance(document, SessionDocument) else document.session_id):
            return await self._logged(document, what, work)

    async def _logged(self, document: Owing, what: str, work: Coroutine[Any, Any, bool]) -> Outcome:
        try:
            async with asyncio.timeout(30):
                return "done" if await work else "undone"
        except (Unavailable, Busy, Trouble, Refusal, TimeoutError) as trouble:
            self._log.info("left to the sweep", document=document.id, what=what, why=str(trouble))
            return "away" if isinstance(trouble, Unavailable) else "undone"
        except Exception:
            self._log.exception("a chore failed", document=document.id, what=what)
            return "undone"
