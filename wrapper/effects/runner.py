"""Follow-up runner: carries out at once what changes owe, the event, then the chores; what fails is left to a sweep."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.store.documents import Chore, SessionDocument
from callplane.store.shown_streams import ShownStreams
from callplane.store.versioned_updates import Pulled
from callplane.telemetry.logs import log_context, logger
from wrapper.context import Context
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox, Together, With, alone
from wrapper.follow_ups import FollowUp, Owing

JOINT_SECONDS = 0.05
"""So long chores may hold up what is to be told next of their session, to save an update of their own."""

WORKERS = 24
"""More than the calls that one media server may have under way, so that one that hangs does not have them all."""

Outcome = Literal["done", "undone", "away"]


@dataclass(frozen=True, slots=True)
class Left:
    """The events and chores that could not be done; ``away``: for store or broker did not answer."""

    entries: tuple[str, ...] = ()
    away: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What became of a document's chores, by their ids."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    shown: dict[str, ShownStreams] = field(default_factory=dict)
    """Of those that are done as long as their session shows this."""

    def done(self) -> Pulled:
        """What is to be taken out of the document."""
        done = tuple(id_ for id_, outcome in self.outcomes.items() if outcome == "done")
        return Pulled(done, tuple(self.shown.values()))


class _Joint:
    """Chores that are begun when their document's events are told, and taken out with them if they are soon done."""

    def __init__(
        self, group: asyncio.TaskGroup, work: Callable[[], Coroutine[Any, Any, Work]], seconds: float | None
    ) -> None:
        self._group = group
        self._work = work
        self._seconds = seconds
        self._working: asyncio.Task[Work] | None = None
        self.taken_out = False

    async def begin(self) -> Together | None:
        """Begin, and wait a little."""
        working = self._working = self._group.create_task(self._work())
        await asyncio.wait([working], timeout=self._seconds)
        done = working.result().done() if working.done() else Pulled(())
        return Together(done, self._took) if done.chores else None

    async def work(self) -> Work:
        """What became of them; begun here, where nothing could be told."""
        return await (self._working or self._work())

    def _took(self) -> None:
        self.taken_out = True


class FollowUpRunner:
    """Some workers on the queue of this wrapper's follow-ups."""

    joint_seconds: float | None = JOINT_SECONDS

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
        wanted = [chore for chore in document.chores if chore.id in chores]
        if publishes and wanted:
            outcomes = await self._both(document, wanted)
        elif publishes:
            outcomes = await self._told(document, self._carry(document))
        else:
            outcomes = await self._taken_out(document, await self._do_all(document, wanted))
        left = tuple(entry for entry, outcome in outcomes.items() if outcome != "done")
        return Left(left, "away" in outcomes.values())

    async def _both(self, document: Owing, wanted: list[Chore]) -> dict[str, Outcome]:
        """Tell, then do the chores; where those are soon done one update takes out both."""
        async with asyncio.TaskGroup() as group:
            joint = _Joint(group, partial(self._do_all, document, wanted), self.joint_seconds)
            told = await self._told(document, self._carry(document, joint.begin))
            work = await joint.work()
        return told | (work.outcomes if joint.taken_out else await self._taken_out(document, work))

    async def _told(self, document: Owing, carrying: Coroutine[Any, Any, bool]) -> dict[str, Outcome]:
        carried = await self._guarded(document, "outbox", carrying)
        return {entry.id: carried for entry in document.outbox}

    async def _carry(self, document: Owing, chores: With = alone) -> bool:
        if isinstance(document, SessionDocument):
            await self._outbox.carry_session(document, chores)
        else:
            await self._outbox.carry_connection(document, chores)
        return True

    async def _do_all(self, document: Owing, wanted: list[Chore]) -> Work:
        """Do them one after the other, whatever becomes of each."""
        work = Work()
        for chore in wanted:
            work.outcomes[chore.id] = await self._guarded(document, chore.do, self._do_one(document, chore, work))
        return work

    async def _do_one(self, document: Owing, chore: Chore, work: Work) -> bool:
        done = await self._chores.do(document, chore, self._context)
        if isinstance(done, ShownStreams):
            work.shown[chore.id] = done
        return bool(done)

    async def _taken_out(self, document: Owing, work: Work) -> dict[str, Outcome]:
        """Take out together what was done; who dies before leaves it to be done again, which is harmless."""
        done = work.done()
        if not done.chores:
            return work.outcomes
        pulled = await self._guarded(document, "chores", self._pull(document, done, work.shown))
        return work.outcomes | dict.fromkeys(done.chores, pulled)

    async def _pull(self, document: Owing, done: Pulled, shown: Collection[str]) -> bool:
        store = self._context.store
        repository = store.sessions if isinstance(document, SessionDocument) else store.connections
        if await repository.pull_chores(document.id, done) or not shown:
            return True
        for chore in [chore for chore in document.chores if chore.id in shown]:
            await self._chores.do_anew(document, chore, self._context)
        await repository.pull_chores(document.id, Pulled(done.chores))
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
