"""Records: Kurento's record types as frozen values (protocol 2.6, 9)."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kurento_client.decoding import at, each, fill, integer, loose_text, real, record, text, text_or_none
from kurento_client.enums import DtlsState, IceComponentState, MediaType, member


def typed_record(record_type: str, /, **fields: Any) -> dict[str, Any]:
    """Make a record for the wire, marked as official clients mark it (protocol 12.1)."""
    return {"__module__": "kurento", "__type__": record_type, **fields}


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One ICE candidate, in either direction; Kurento wants all three keys, `sdpMid` may be null (9.7).

    An empty `candidate` marks the end of candidates; Kurento ignores it (10.2).
    """

    candidate: str = field(metadata=at("candidate", text))
    sdp_mid: str | None = field(metadata=at("sdpMid", text_or_none))
    sdp_m_line_index: int = field(metadata=at("sdpMLineIndex", integer))

    @classmethod
    def read(cls, value: Any) -> "IceCandidate":
        """Read one from an answer or event."""
        return fill(cls, value)

    def wire(self) -> dict[str, Any]:
        """Write it as an argument of `addIceCandidate`."""
        return typed_record(
            "IceCandidate",
            candidate=self.candidate,
            sdpMid=self.sdp_mid,
            sdpMLineIndex=self.sdp_m_line_index,
        )


@dataclass(frozen=True, slots=True)
class IceCandidatePair:
    """The pair a component has selected; candidates are the text after `a=`."""

    stream_id: str = field(metadata=at("streamId", loose_text))
    component_id: int = field(metadata=at("componentId", integer))
    local_candidate: str = field(metadata=at("localCandidate", text))
    remote_candidate: str = field(metadata=at("remoteCandidate", text))

    @classmethod
    def read(cls, value: Any) -> "IceCandidatePair":
        """Read one from an answer or event."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class IceConnection:
    """State of one ICE component; `stream_id` is a string here and an integer in the event (9.7)."""

    stream_id: str = field(metadata=at("streamId", loose_text))
    component_id: int = field(metadata=at("componentId", integer))
    state: IceComponentState = field(metadata=at("state", partial(member, IceComponentState)))

    @classmethod
    def read(cls, value: Any) -> "IceConnection":
        """Read one from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class DtlsConnection:
    """State of one DTLS connection."""

    stream_id: str = field(metadata=at("streamId", loose_text))
    component_id: str = field(metadata=at("componentId", loose_text))
    connection_id: str = field(metadata=at("connectionId", loose_text))
    state: DtlsState = field(metadata=at("state", partial(member, DtlsState)))

    @classmethod
    def read(cls, value: Any) -> "DtlsConnection":
        """Read one from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class ElementConnectionData:
    """One connection between two elements, both named by id; one per media type (9.3)."""

    source: str = field(metadata=at("source", text))
    sink: str = field(metadata=at("sink", text))
    type: MediaType = field(metadata=at("type", partial(member, MediaType)))
    source_description: str = field(default="default", metadata=at("sourceDescription", text))
    sink_description: str = field(default="default", metadata=at("sinkDescription", text))

    @classmethod
    def read(cls, value: Any) -> "ElementConnectionData":
        """Read one from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class RembParams:
    """Bandwidth estimation of an endpoint; compare floats with a tolerance, they are single precision (9.6)."""

    packets_recv_interval_top: int = field(default=100, metadata=at("packetsRecvIntervalTop", integer))
    exponential_factor: float = field(default=0.04, metadata=at("exponentialFactor", real))
    lineal_factor_min: int = field(default=50, metadata=at("linealFactorMin", integer))
    lineal_factor_grade: float = field(default=30.0, metadata=at("linealFactorGrade", real))
    decrement_factor: float = field(default=0.5, metadata=at("decrementFactor", real))
    threshold_factor: float = field(default=0.8, metadata=at("thresholdFactor", real))
    up_losses: int = field(default=12, metadata=at("upLosses", integer))
    remb_on_connect: int = field(default=300_000, metadata=at("rembOnConnect", integer))

    @classmethod
    def read(cls, value: Any) -> "RembParams":
        """Read one from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One module of the server and the types that it can create."""

    name: str = field(metadata=at("name", text))
    version: str = field(default="", metadata=at("version", text))
    generation_time: str = field(default="", metadata=at("generationTime", text))
    factories: tuple[str, ...] = field(default=(), metadata=at("factories", partial(each, text)))

    @classmethod
    def read(cls, value: Any) -> "ModuleInfo":
        """Read one from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What `getInfo` says; `capabilities` contains "transactions" where they are understood (protocol 8)."""

    version: str = field(metadata=at("version", text))
    type: str = field(default="", metadata=at("type", text))
    capabilities: tuple[str, ...] = field(default=(), metadata=at("capabilities", partial(each, text)))
    modules: tuple[ModuleInfo, ...] = field(default=(), metadata=at("modules", partial(each, ModuleInfo.read)))

    @classmethod
    def read(cls, value: Any) -> "ServerInfo":
        """Read it from an answer."""
        return fill(cls, value)


@dataclass(frozen=True, slots=True)
class Description:
    """What `describe` says of an object: its type and its ancestors, the nearest first (protocol 3.5)."""

    type: str = field(metadata=at("type", text))
    qualified_type: str = field(default="", metadata=at("qualifiedType", text))
    hierarchy: tuple[str, ...] = field(default=(), metadata=at("hierarchy", partial(each, text)))

    @classmethod
    def read(cls, value: Any) -> "Description":
        """Read it from a result, which has no `value` member."""
        return fill(cls, value)


def tags(value: Any) -> dict[str, str]:
    """Read a list of `{key, value}` records."""
    return {text(tag.get("key")): text(tag.get("value")) for tag in each(record, value)}
