"""Every repository on a test's own database, as the wrapper has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import WriteConcern
from pymongo.read_concern import ReadConcern

from callplane.contracts.commands import CreateSession
from callplane.contracts.engines import Engine
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.store.attachments import Attachments
from callplane.store.connection_owners import ConnectionOwners
from callplane.store.connections import Connections
from callplane.store.documents import Seat, SessionDocument
from callplane.store.hidden_seats import HiddenSeats
from callplane.store.indexes import ensure_indexes
from callplane.store.leases import PodLeases, WrapperLeases
from callplane.store.media_servers import MediaServers
from callplane.store.media_states import MediaStates
from callplane.store.mongo.database import Database, DatabaseClock, open_database
from callplane.store.new_session import Origin
from callplane.store.pipelines import SessionMedia
from callplane.store.seats import Seats
from callplane.store.sessions import Sessions
from callplane.store.shared_state import SharedState
from testkit.servers.servers import Database as Corner


@dataclass(frozen=True)
class Repositories:
    """The store, opened."""

    database: Database
    clock: DatabaseClock
    sessions: Sessions
    seats: Seats
    media: SessionMedia
    connections: Connections
    owners: ConnectionOwners
    media_states: MediaStates
    attachments: Attachments
    pods: PodLeases
    servers: MediaServers
    wrappers: WrapperLeases
    hidden_seats: HiddenSeats
    shared_state: SharedState

    def soon(self) -> datetime:
        """A deadline that is far enough."""
        return self.clock.now() + timedelta(seconds=8)

    def past(self) -> datetime:
        """A deadline that is over."""
        return self.clock.now() - timedelta(seconds=1)

    async def session(self, engine: Engine = "queues", **fields: object) -> SessionDocument:
        """A new open session."""
        id_ = SessionId(new_id())
        made = await self.sessions.create(id_, CreateSession.model_validate(fields), self.soon(), Origin(engine))
        assert isinstance(made, SessionDocument), made
        found = await self.sessions.find(id_)
        assert found is not None
        return found

    async def seated(
        self, session: SessionId, participant: ParticipantId, command: CommandId | None = None
    ) -> SessionDocument:
        """Take a seat."""
        change = await self.seats.take(
            session, Seat(id=participant), command or CommandId(f"join {participant}"), self.soon()
        )
        assert change is not None
        return change.document


@asynccontextmanager
async def repositories(corner: Corner, *, durable: bool = True) -> AsyncIterator[Repositories]:
    """Open them on one test's database; not durable where no mongod dies and many writes would wait for the disk."""
    async with open_database(corner.url, corner.name) as database:
        await ensure_indexes(database)
        if not durable:
            # Together: a majority read would not yet see what was written without waiting for the journal.
            raw = database._database.with_options(write_concern=WriteConcern(w=1), read_concern=ReadConcern("local"))
            database = Database(database._calls, raw)
        clock = DatabaseClock(database)
        await clock.sync()
        yield Repositories(
            database,
            clock,
            Sessions(database, clock),
            Seats(database, clock),
            SessionMedia(database, clock),
            Connections(database, clock),
            ConnectionOwners(database),
            MediaStates(database, clock),
            Attachments(database),
            PodLeases(database),
            MediaServers(database),
            WrapperLeases(database),
            HiddenSeats(database, clock),
            SharedState(database, clock),
        )
