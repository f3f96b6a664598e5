"""Follow-up runner: carries out at once what changes owe, the event, then the chores; what fails is left to a sweep."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal

from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.store.documents import SessionDocument
from callplane.telemetry.logs import log_context, logger
from wrapper.context import Context
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox
from wrapper.follow_ups import FollowUp, Owing

WORKERS = 24
"""More than the calls that one media server may have under way, so that one that hangs does not have them all."""

Outcome = Literal["done", "undone", "away"]


@dataclass(frozen=True, slots=True)
class Left:
    """The events and chores that could not be done; ``away``: for store or broker did not answer."""

    entries: tuple[str, ...] = ()
    away: bool = False


class FollowUpRunner:
    """Some workers on the queue of this wrapper's follow-ups."""

    def __init__(self, context: Context, outbox: Outbox, chores: Chores) -> None:
        self._context = context
        self._outbox = outbox
        self._chores = chores
        self._log = logger("aftermath")

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        follow_ups = self._context.follow_ups
        while True:
            one = await follow_ups.next()
            try:
                await self._turn(one)
            finally:
                follow_ups.done()

    async def _turn(self, one: FollowUp) -> None:
        """While others wait to be told of something, the chores let them pass."""
        follow_ups = self._context.follow_ups
        if one.publishes and one.chores and follow_ups.untold():
            await self.do(one.document, publishes=True, chores=frozenset())
            one = replace(one, publishes=False)
            if follow_ups.put(one):
                return
        await self.do(one.document, publishes=one.publishes, chores=one.chores)

    async def do(self, document: Owing, *, publishes: bool, chores: frozenset[str]) -> Left:
        """Publish the outbox where this is the carrier, then do these chores; failures are logged, not raised."""
        outcomes: dict[str, Outcome] = {}
        if publishes:
            carried = await self._guarded(document, "outbox", self._carry(document))
            outcomes |= {entry.id: carried for entry in document.outbox}
        wanted = [chore for chore in document.chores if chore.id in chores]
        for chore in wanted:
            work = self._chores.do(document, chore, self._context)
            outcomes[chore.id] = await self._guarded(document, chore.do, work)
        done = [chore.id for chore in wanted if outcomes[chore.id] == "done"]
        if done:
            outcomes |= dict.fromkeys(done, await self._guarded(document, "chores", self._pull(document, done)))
        left = tuple(entry for entry, outcome in outcomes.items() if outcome != "done")
        return Left(left, "away" in outcomes.values())

    async def _carry(self, document: Owing) -> bool:
        if isinstance(document, SessionDocument):
            await self._outbox.carry_session(document)
        else:
            await self._outbox.carry_connection(document)
        return True

    async def _pull(self, document: Owing, chores: list[str]) -> bool:
        """Take out together what was done; who dies before leaves it to be done again, which is harmless."""
        store = self._context.store
        await (store.sessions if isinstance(document, SessionDocument) else store.connections).pull_chores(
            document.id, chores
        )
        return True

    async def _guarded(self, document: Owing, what: str, work: Coroutine[Any, Any, bool]) -> Outcome:
        with log_context(session_id=document.id if isinstance(document, SessionDocument) else document.session_id):
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
