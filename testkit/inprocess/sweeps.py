"""The sweeps of a wrapper on a real database, with a broker and media servers that do as they are told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.app import _store
from wrapper.context import Context
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox
from wrapper.effects.runner import FollowUpRunner
from wrapper.engine_choice import EngineChoice
from wrapper.follow_ups import FollowUps
from wrapper.settings import WrapperSettings
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.lost_media import LostMedia
from wrapper.sweeps.lost_seats import LostSeats
from wrapper.sweeps.schedule import Sweeps

SETTINGS = WrapperSettings(lease_seconds=30, tombstone_seconds=0)


@dataclass
class Broker:
    """Counts what is deleted; what ``ill`` names raises, what ``hanging`` names never answers, ``away`` all of it."""

    deleted: Counter[str] = field(default_factory=Counter)
    ill: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    away: bool = False
    seconds: float = 0.0
    at_once: int = 0
    most: int = 0

    async def delete_session(self, session: SessionId) -> None:
        """Its queue and exchange."""
        await self._delete(session)

    async def delete_mailbox(self, participant: ParticipantId) -> None:
        """Its mailbox."""
        await self._delete(participant)

    async def _delete(self, what: str) -> None:
        if self.away:
            raise Unavailable("no broker")
        if what in self.ill:
            raise RuntimeError(what)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await (asyncio.Event().wait() if what in self.hanging else asyncio.sleep(self.seconds))
        finally:
            self.at_once -= 1
        self.deleted[what] += 1

    async def to_session(self, *_: Any) -> bool:
        """Everybody hears it."""
        return True

    async def to_participant(self, *_: Any) -> bool:
        """The one hears it."""
        return True


class Media:
    """No media server is reached."""

    async def is_up(self, _server: str) -> bool:
        """None is."""
        return False

    def reached(self) -> frozenset[str]:
        """None is."""
        return frozenset()


@dataclass(frozen=True)
class Sweeping:
    """The parts of one wrapper."""

    store: Repositories
    broker: Broker
    context: Context
    sweeps: Sweeps
    lost_seats: LostSeats
    lost_media: LostMedia
    adoption: Adoption


@asynccontextmanager
async def sweeping(database: Database, wrappers: int = 1) -> AsyncIterator[list[Sweeping]]:
    """So many wrappers' parts; they have lived for ever, and so may judge."""
    async with repositories(database, durable=False) as outside, asyncio.TaskGroup() as group:
        made: list[Sweeping] = []
        working: list[asyncio.Task[None]] = []
        for _ in range(wrappers):
            store, broker = _store(outside.database, SETTINGS), Broker()
            parts: Any = SimpleNamespace(broker=broker, media=Media())
            outbox = Outbox(store.sessions, store.connections, parts.broker, parts.broker)
            context = Context(
                new_id(), store, parts.broker, parts.broker, parts.media, FollowUps(), EngineChoice("queues", ())
            )
            runner = FollowUpRunner(context, outbox, Chores())
            leases = Leases(context, 0, lambda: True)
            leases.renewed_since = leases.reachable_since = float("-inf")
            sweeps = Sweeps(context, leases, runner, SETTINGS)
            parts_of = (sweeps.lost_seats, sweeps.lost_media, Adoption(context, leases))
            made.append(Sweeping(outside, broker, context, sweeps, *parts_of))
            working.append(group.create_task(runner.run()))
        yield made
        for task in working:
            task.cancel()
