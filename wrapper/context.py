"""What a handler is given: the repositories, the bus, the media servers and those who do what a change owes."""

from dataclasses import dataclass, field

from callplane.bus.ports import Messenger, Topology
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.database import DatabaseClock
from callplane.store.duties import Duties
from callplane.store.liveness import Liveness
from callplane.store.media import SessionMedia
from callplane.store.media_servers import MediaServers
from callplane.store.pods import Pods
from callplane.store.pulses import Pulses
from callplane.store.seats import Seats
from callplane.store.sessions import Sessions
from callplane.store.wrappers import Wrappers
from wrapper.media.port import MediaPort
from wrapper.metrics import Metrics
from wrapper.ports import Aftermath


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
