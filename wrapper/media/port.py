"""Media port: what handlers, chores and sweeps ask of media servers, whose objects are named by their MediaRef."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from callplane.contracts.commands import Candidate
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from wrapper.media.sdp import UsefulCandidates

Medium = Literal["AUDIO", "VIDEO"]
MEDIA: tuple[Medium, ...] = ("AUDIO", "VIDEO")


class Gone(Exception):
    """Kurento does not know the object (40101): released, collected, or its process is another (protocol 12.4)."""

    def __init__(self, ref: MediaRef) -> None:
        super().__init__(f"{ref.id} is gone from {ref.server}")
        self.ref = ref


class Unreached(Trouble):
    """This wrapper has no socket to the media server; others may have one (design 7.1)."""

    def __init__(self, server: str) -> None:
        super().__init__(f"media server {server} is not reached from here")
        self.server = server


class SlotsTaken(Trouble):
    """As many calls as may be are under way on the media server, and none of them gets on (design 3.4)."""

    def __init__(self, server: str) -> None:
        super().__init__(f"media server {server} has too many calls under way")
        self.server = server


@dataclass(frozen=True, slots=True)
class EndpointOwner:
    """Whose endpoint it is: where its events go, the tags that it carries, and which candidates are of use there."""

    session_id: SessionId
    participant_id: ParticipantId
    connection_id: ConnectionId
    epoch: int
    claim: int
    useful: UsefulCandidates | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What a media server says of an endpoint."""

    connected: bool = False
    """It has had keys with its client; never taken back (protocol 10.3)."""
    receiving: bool = False
    """Its client reports, by RTCP."""
    failed: bool = False
    """Its ICE has failed."""


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a client's reports (RTCP) have last said of the video that it is sent, and how much that is by now.

    While it receives, each report changes some of it: the round trip is measured anew, to some 15 microseconds.
    """

    reports: tuple[float, ...]
    sent: int


class MediaPort(Protocol):
    """Every call has a deadline; raises Unreached without a socket, SlotsTaken where too many hang, Trouble when it
    breaks, Gone on 40101.
    """

    async def is_up(self, server: str) -> bool:
        """Whether this wrapper reaches that media server now."""
        ...

    def reached(self) -> frozenset[str]:
        """The media servers that this wrapper reaches now."""
        ...

    async def exists(self, ref: MediaRef) -> bool:
        """Whether the object is still there."""
        ...

    async def create_pipeline(self, server: str, session_id: SessionId, epoch: int) -> MediaRef:
        """Make a pipeline and tag it, in one transaction."""
        ...

    async def create_endpoint(self, pipeline: MediaRef, owner: EndpointOwner, sdp_offer: str) -> tuple[MediaRef, str]:
        """Make a tagged WebRtcEndpoint whose events this wrapper gets, and process its offer, in one transaction.

        Returns it with its answer. Raises Refusal ``invalid-sdp`` where Kurento refuses the text; nothing is left then.
        """
        ...

    async def gather(self, endpoint: MediaRef) -> None:
        """Start gathering candidates; harmless when repeated (measured)."""
        ...

    async def gather_connected(self, endpoint: MediaRef, source: MediaRef, media: Sequence[Medium]) -> None:
        """Start gathering, and let these media of a source flow into an endpoint that is fed nothing yet; one call."""
        ...

    async def add_candidate(self, endpoint: MediaRef, candidate: Candidate) -> None:
        """Feed one candidate of the client; harmless when repeated (measured)."""
        ...

    async def sources(
        self, sink: MediaRef, source: MediaRef | None = None, without: Sequence[Medium] = ()
    ) -> dict[Medium, str]:
        """What feeds an endpoint: the id of the source by medium.

        ``without``: media of this source that are not to flow into it (any more): stopped in the same transaction.
        """
        ...

    async def connect(self, source: MediaRef, sink: MediaRef, media: Sequence[Medium], *, on: bool) -> None:
        """Let these media flow from source to sink, or stop them, in one transaction.

        Connecting what is connected interrupts it: ask for ``sources`` first.
        """
        ...

    async def subscribe(self, endpoint: MediaRef, owner: EndpointOwner) -> State:
        """Subscribe to the events of an endpoint, and tell the candidates found so far; what it says of it now."""
        ...

    async def state(self, endpoint: MediaRef) -> State:
        """What the media server says of an endpoint now."""
        ...

    async def is_receiving(self, endpoint: MediaRef) -> bool:
        """Whether anything (RTP, RTCP) has come from its client lately."""
        ...

    async def receiver_report(self, endpoint: MediaRef) -> ReceiverReport | None:
        """How it reports on the video that it receives; None where none is sent, or it has told no round trip."""
        ...

    async def release(self, *refs: MediaRef) -> None:
        """Destroy objects of one media server with all in them, at once; one that is gone is no error."""
        ...

    async def release_tagged(
        self, pipeline: MediaRef, connection_id: ConnectionId, keep: MediaRef | None = None
    ) -> None:
        """Release every child of the pipeline that carries the connection's tag, ``keep`` apart."""
        ...
