"""Events as typed values, chosen by `value.type` (protocol 7).

An event of a type that is not here, or whose data is not as the protocol says, arrives as a plain `MediaEvent`
with everything in `data`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kurento_client.decoding import at, fill, integer, loose_text, text
from kurento_client.enums import ConnectionState, DtlsState, FlowState, IceComponentState, MediaType, member
from kurento_client.errors import UnexpectedAnswer
from kurento_client.jsonrpc import Event
from kurento_client.records import IceCandidate, IceCandidatePair


@dataclass(frozen=True, slots=True)
class MediaEvent:
    """What every event has: the object it comes from, its type, and its data as received."""

    object: str
    type: str
    data: Mapping[str, Any]

    @property
    def timestamp_millis(self) -> int | None:
        """The server's clock at the event, in ms since 1970; None where it did not say."""
        sent = self.data.get("timestampMillis")
        return int(sent) if isinstance(sent, int | str) and str(sent).isdecimal() else None


@dataclass(frozen=True, slots=True)
class IceCandidateFound(MediaEvent):
    """A local candidate; one per m-line even under BUNDLE (protocol 9.7)."""

    candidate: IceCandidate = field(metadata=at("candidate", IceCandidate.read))


@dataclass(frozen=True, slots=True)
class IceGatheringDone(MediaEvent):
    """All local candidates have been announced; the local description holds them now."""


@dataclass(frozen=True, slots=True)
class IceComponentStateChanged(MediaEvent):
    """A component's ICE state; `stream_id` is an integer here (protocol 9.7)."""

    stream_id: int = field(metadata=at("streamId", integer))
    component_id: int = field(metadata=at("componentId", integer))
    state: IceComponentState = field(metadata=at("state", partial(member, IceComponentState)))


@dataclass(frozen=True, slots=True)
class NewCandidatePairSelected(MediaEvent):
    """A component selected a pair; again on every re-selection."""

    candidate_pair: IceCandidatePair = field(metadata=at("candidatePair", IceCandidatePair.read))


@dataclass(frozen=True, slots=True)
class DtlsConnectionStateChange(MediaEvent):
    """A DTLS connection's state (the name has no final "d", protocol 9.7)."""

    stream_id: str = field(metadata=at("streamId", loose_text))
    component_id: str = field(metadata=at("componentId", loose_text))
    state: DtlsState = field(metadata=at("state", partial(member, DtlsState)))


@dataclass(frozen=True, slots=True)
class DataChannelOpened(MediaEvent):
    """A data channel opened. A real Kurento says it twice; the client passes it on once."""

    channel_id: int = field(metadata=at("channelId", integer))


@dataclass(frozen=True, slots=True)
class DataChannelClosed(MediaEvent):
    """A data channel closed; passed on once as well."""

    channel_id: int = field(metadata=at("channelId", integer))


@dataclass(frozen=True, slots=True)
class ConnectionStateChanged(MediaEvent):
    """DTLS keys are set; a real Kurento never says DISCONNECTED here (protocol 10.3)."""

    old: ConnectionState = field(metadata=at("oldState", partial(member, ConnectionState)))
    new: ConnectionState = field(metadata=at("newState", partial(member, ConnectionState)))


@dataclass(frozen=True, slots=True)
class MediaStateChanged(MediaEvent):
    """RTCP arrives, or has not for some 16 s: this one does report a vanished peer (protocol 10.3)."""

    old: ConnectionState = field(metadata=at("oldState", partial(member, ConnectionState)))
    new: ConnectionState = field(metadata=at("newState", partial(member, ConnectionState)))


@dataclass(frozen=True, slots=True)
class MediaFlowInStateChanged(MediaEvent):
    """Media enters the element's sink: from the pipeline towards the peer (protocol 10.3)."""

    state: FlowState = field(metadata=at("state", partial(member, FlowState)))
    media_type: MediaType = field(metadata=at("mediaType", partial(member, MediaType)))


@dataclass(frozen=True, slots=True)
class MediaFlowOutStateChanged(MediaEvent):
    """Media leaves the element: received from the peer, into the pipeline (protocol 10.3)."""

    state: FlowState = field(metadata=at("state", partial(member, FlowState)))
    media_type: MediaType = field(metadata=at("mediaType", partial(member, MediaType)))


@dataclass(frozen=True, slots=True)
class ElementConnected(MediaEvent):
    """A source was connected to `sink`, one event per media type, always from the source (protocol 9.4)."""

    sink: str = field(metadata=at("sink", text))
    media_type: MediaType = field(metadata=at("mediaType", partial(member, MediaType)))


@dataclass(frozen=True, slots=True)
class ElementDisconnected(MediaEvent):
    """A source was disconnected from `sink`, or replaced there by another source."""

    sink: str = field(metadata=at("sink", text))
    media_type: MediaType = field(metadata=at("mediaType", partial(member, MediaType)))


@dataclass(frozen=True, slots=True)
class ObjectCreated(MediaEvent):
    """Anybody created `created` (protocol 8)."""

    created: str = field(metadata=at("object", text))


@dataclass(frozen=True, slots=True)
class ObjectDestroyed(MediaEvent):
    """`destroyed` is gone, its children before it (protocol 8)."""

    destroyed: str = field(metadata=at("objectId", text))


@dataclass(frozen=True, slots=True)
class ErrorRaised(MediaEvent):
    """The `Error` event; `kind` is its `data.type`, such as RESOURCE_ERROR_WRITE (protocol 9.1)."""

    kind: str = field(metadata=at("type", text))
    code: int = field(default=0, metadata=at("errorCode", integer))
    description: str = field(default="", metadata=at("description", text))


_KINDS: Mapping[str, type[MediaEvent]] = {
    "Error": ErrorRaised,
    "IceCandidateFound": IceCandidateFound,
    "IceGatheringDone": IceGatheringDone,
    "IceComponentStateChanged": IceComponentStateChanged,
    "NewCandidatePairSelected": NewCandidatePairSelected,
    "DtlsConnectionStateChange": DtlsConnectionStateChange,
    "DataChannelOpened": DataChannelOpened,
    "DataChannelClosed": DataChannelClosed,
    "ConnectionStateChanged": ConnectionStateChanged,
    "MediaStateChanged": MediaStateChanged,
    "MediaFlowInStateChanged": MediaFlowInStateChanged,
    "MediaFlowOutStateChanged": MediaFlowOutStateChanged,
    "ElementConnected": ElementConnected,
    "ElementDisconnected": ElementDisconnected,
    "ObjectCreated": ObjectCreated,
    "ObjectDestroyed": ObjectDestroyed,
}


def typed(event: Event) -> MediaEvent:
    """Return the event as a value of its own class."""
    kind = _KINDS.get(event.type, MediaEvent)
    try:
        return fill(kind, event.data, object=event.object, type=event.type, data=event.data)
    except UnexpectedAnswer:
        return MediaEvent(event.object, event.type, event.data)
