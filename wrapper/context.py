"""What a handler is given: the repositories, the bus, the media servers and those who do what a change owes."""

from dataclasses import dataclass, field

from callplane.bus.ports import Messenger, Topology
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.leases import Pods
from callplane.store.media_servers import MediaServers
from callplane.store.media_states import Liveness
from callplane.store.mongo.database import DatabaseClock
from callplane.store.pipelines import SessionMedia
from callplane.store.receiver_reports import Pulses
from callplane.store.seats import Seats
from callplane.store.sessions import Sessions
from callplane.store.sweep_leases import Duties
from callplane.store.wrappers import Wrappers
from wrapper.follow_ups import Aftermath
from wrapper.media.port import MediaPort
from wrapper.monitoring.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Store:
    """Every repository that a wrapper writes to."""

    clock: DatabaseClock
    sessions: Sessions
    seats: Seats
    media: SessionMedia
    connections: Connections
    liveness: Liveness
    attachments: Attachments
    pods: Pods
    pulses: Pulses
    servers: MediaServers
    wrappers: Wrappers
    duties: Duties


@dataclass(frozen=True, slots=True)
class Context:
    """One wrapper's parts, handed to every handler and chore."""

    wrapper: str
    store: Store
    topology: Topology
    messenger: Messenger
    media: MediaPort
    aftermath: Aftermath
    metrics: Metrics = field(default_factory=Metrics)
