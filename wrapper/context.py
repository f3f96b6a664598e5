"""Context: what every handler, chore and sweep is given: repositories, bus, media servers, follow-ups, metrics."""

from dataclasses import dataclass, field

from callplane.bus.event_ports import EventBus
from callplane.bus.ports import Messenger, Topology
from callplane.store.attachments import Attachments
from callplane.store.connection_owners import ConnectionOwners
from callplane.store.connections import Connections
from callplane.store.engines import SessionEngines
from callplane.store.hidden_seats import HiddenSeats
from callplane.store.incarnations import Incarnations
from callplane.store.leases import PodLeases, WrapperLeases
from callplane.store.log.bounds import LogBounds
from callplane.store.log.reader import LogReader
from callplane.store.log_attachments import LogAttachments
from callplane.store.media_servers import MediaServers
from callplane.store.media_states import MediaStates
from callplane.store.mongo.database import DatabaseClock
from callplane.store.pipelines import SessionMedia
from callplane.store.presences import Presences
from callplane.store.quota_uses import QuotaUses
from callplane.store.receiver_reports import ReceiverReports
from callplane.store.seats import Seats
from callplane.store.sessions import Sessions
from callplane.store.shared_state import SharedState
from callplane.store.sweep_leases import SweepLeases
from wrapper.engine_choice import EngineChoice
from wrapper.follow_ups import FollowUps
from wrapper.media.port import MediaPort
from wrapper.monitoring.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Repositories:
    """Every repository that a wrapper writes to."""

    clock: DatabaseClock
    sessions: Sessions
    seats: Seats
    hidden_seats: HiddenSeats
    shared_state: SharedState
    media: SessionMedia
    connections: Connections
    owners: ConnectionOwners
    media_states: MediaStates
    attachments: Attachments
    pods: PodLeases
    receiver_reports: ReceiverReports
    servers: MediaServers
    wrappers: WrapperLeases
    sweep_leases: SweepLeases
    engines: SessionEngines
    logs: LogReader
    log_attachments: LogAttachments
    incarnations: Incarnations
    log_bounds: LogBounds
    presences: Presences
    quota_uses: QuotaUses


@dataclass(frozen=True, slots=True)
class Context:
    """One wrapper's parts, handed to every handler and chore."""

    wrapper: str
    store: Repositories
    topology: Topology
    messenger: Messenger
    media: MediaPort
    follow_ups: FollowUps
    engine_choice: EngineChoice
    metrics: Metrics = field(default_factory=Metrics)
    events: EventBus | None = None
    """Where servers hear of what happened; None: nobody does."""
