"""The WebRTC endpoint: SDP, ICE and its events over one peer connection (protocol 9.6, 9.7)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.peer import Peer
from mediaserver.media.sdp.local import Identity, LocalDescription
from mediaserver.media.sdp.negotiation import Agreement
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record
from mediaserver.model.vocabulary import REMB_DEFAULT
from mediaserver.objects.media_object import Listener, MediaObject
from mediaserver.objects.sdp_endpoint import SdpEndpoint
from mediaserver.objects.stats import endpoint_stats

_STREAM = 1
"""There is one ICE stream, as everything is bundled; the real server counts from one."""


@dataclass(frozen=True)
class EndpointOptions:
    """Which ways media may go, as the constructor was told."""

    receives: bool
    sends: bool


class WebRtcEndpoint(SdpEndpoint):
    """One browser's connection."""

    spec: ClassVar[ClassSpec] = catalogue.WEBRTC_ENDPOINT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine, options: EndpointOptions) -> None:
        super().__init__(parent, raise_event, engine)
        self.receives, self.sends = options.receives, options.sends
        self.connection_state = "DISCONNECTED"
        self._remb = dict(REMB_DEFAULT)
        self._lines: list[tuple[int, str]] = []
        self._gathered = False
        self._peer = Peer(engine, self, self.ports)

    @property
    def media_state(self) -> str:
        """Whether RTCP comes from the peer."""
        return self._peer.session.media_state

    @property
    def remb_params(self) -> dict[str, Any]:
        """What was set, over the defaults; kept, but without effect on the fixed ceiling."""
        return self._remb

    @remb_params.setter
    def remb_params(self, given: dict[str, Any]) -> None:
        self._remb = {**self._remb, **given}

    @property
    def ice_connection_state(self) -> list[dict[str, Any]]:
        """The state of each ICE component."""
        states = sorted(self._peer.ice_states.items())
        return [record("IceConnection", streamId=str(_STREAM), componentId=c, state=s) for c, s in states]

    @property
    def dtls_connection_state(self) -> list[dict[str, Any]]:
        """The state of the DTLS connection, once there is one."""
        return [record("DtlsConnection", **self._dtls(self._peer.dtls_state))] if self._local else []

    @property
    def candidate_pairs(self) -> list[dict[str, Any]]:
        """The selected pair, if there is one."""
        return [self._pair_record()] if self._peer.agent.pair is not None else []

    def gather_candidates(self) -> None:
        """Begin to gather; before there is a local description it does nothing (protocol 10.2)."""
        if self._local is not None:
            self._peer.gather()

    async def add_ice_candidate(self, candidate: dict[str, Any]) -> None:
        """Take one of the peer's candidates; an index without a line is refused after gathering."""
        known = {index for index, _ in self._lines}
        if self._gathered and candidate["candidate"] and candidate["sdpMLineIndex"] not in known:
            raise refusal(Code.ICE_ADD_CANDIDATE_ERROR, "Error adding candidate")
        await self._peer.add_candidate(candidate["candidate"])

    def request_keyframe(self) -> None:
        """Ask whoever feeds this endpoint for a key frame."""
        inlet = self.ports["video"].inlet
        if inlet.source is None:
            raise refusal(Code.MEDIA_OBJECT_OPERATION_NOT_SUPPORTED, "Nothing is connected upstream")
        inlet.request_key_frame(self.engine.now())

    def create_data_channel(self, *ignored: Any) -> None:
        """Refuse: data channels are not negotiated."""
        raise refusal(Code.MEDIA_OBJECT_OPERATION_NOT_SUPPORTED, "Data channels are not supported")

    def close_data_channel(self, channel: int) -> None:
        """Refuse: data channels are not negotiated."""
        self.create_data_channel()

    def get_stats(self, kind: str | None) -> dict[str, Any]:
        """Report what RTP has come and gone."""
        return endpoint_stats(self.id, self._peer.session, kind)

    def identity(self) -> Identity:
        """Return the peer connection's credentials."""
        return self._peer.identity

    def agreed(self, agreement: Agreement, *, offered: bool) -> None:
        """Hand the agreement to the peer connection, with the candidates that came inside it."""
        assert self._local is not None
        self._lines = [(s.head.index, s.head.mid or str(s.head.index)) for s in self._local.sections]
        limit = self.values.get("maxVideoRecvBandwidth", 0) or self.engine.settings.max_video_bitrate
        self._peer.agree(agreement, controlling=offered, max_bitrate=min(limit, self.engine.settings.max_video_bitrate))
        self.engine.start(self._feed(agreement.candidates))

    def local_text(self, description: LocalDescription) -> str:
        """Render our description with the candidates gathered so far."""
        return description.render(self._peer.gathered, self._peer.default_address)

    def dispose(self) -> None:
        """Disconnect and close the peer connection."""
        super().dispose()
        self._peer.close()

    def candidates_gathered(self) -> None:
        """Tell each candidate once per line, even under BUNDLE, then that there are no more."""
        self._gathered = True
        for text in self._peer.gathered:
            for index, mid in self._lines or self._offered_lines():
                candidate = record("IceCandidate", candidate=text, sdpMid=mid, sdpMLineIndex=index)
                self.raise_event("IceCandidateFound", candidate=candidate)
        self.raise_event("IceGatheringDone")

    def ice_changed(self, component: int, state: str) -> None:
        """Tell a new state of an ICE component; here streamId is a number (protocol 16, 48)."""
        self.raise_event("IceComponentStateChanged", streamId=_STREAM, componentId=component, state=state)

    def pair_selected(self) -> None:
        """Tell which pair is in use."""
        self.raise_event("NewCandidatePairSelected", candidatePair=self._pair_record())

    def dtls_changed(self, state: str) -> None:
        """Tell a new state of DTLS."""
        self.raise_event("DtlsConnectionStateChange", **self._dtls(state))

    def connected(self) -> None:
        """Tell that keys are set; it is never taken back (protocol 10.3)."""
        before, self.connection_state = self.connection_state, "CONNECTED"
        self.raise_event("ConnectionStateChanged", oldState=before, newState="CONNECTED")

    def media_changed(self, before: str, state: str) -> None:
        """Tell whether the peer is heard."""
        self.raise_event("MediaStateChanged", oldState=before, newState=state)

    def failed(self, reason: str) -> None:
        """Tell that the connection came to an end by a fault of ours; here `type` is the kind of error (9.1)."""
        self.raise_event("Error", description=reason, errorCode=0, type="UNEXPECTED_ELEMENT_ERROR")

    async def _feed(self, candidates: tuple[str, ...]) -> None:
        for candidate in candidates:
            await self._peer.add_candidate(candidate)

    def _offered_lines(self) -> list[tuple[int, str]]:
        return [(s.head.index, s.head.mid) for s in self._local.sections] if self._local else []

    def _pair_record(self) -> dict[str, Any]:
        pair = self._peer.agent.pair
        assert pair is not None
        return record(
            "IceCandidatePair",
            streamId=str(_STREAM),
            componentId=1,
            localCandidate=f"candidate:{pair.local_candidate.to_sdp()}",
            remoteCandidate=f"candidate:{pair.remote_candidate.to_sdp()}",
        )

    def _dtls(self, state: str) -> dict[str, str]:
        return {
            "streamId": str(_STREAM),
            "componentId": "[bundle/dtlssrtpenc]",
            "connectionId": self._peer.connection_id,
            "state": state,
        }
