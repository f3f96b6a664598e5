"""WebRTC endpoint: SDP, ICE and their events over the transports of one peer (protocol 9.6, 9.7)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.inbound import SourceClock
from mediaserver.media.peer import Peer
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sdp.local import Identity, LocalDescription
from mediaserver.media.sdp.negotiation import Agreement, Bundle
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record
from mediaserver.objects.base_rtp_endpoint import BaseRtpEndpoint
from mediaserver.objects.media_object import Listener, MediaObject

EARLY = 128
"""Candidates that may come before the description that says where they belong."""


@dataclass(frozen=True)
class EndpointOptions:
    """Which ways media may go, as the constructor was told."""

    receives: bool
    sends: bool


class WebRtcEndpoint(BaseRtpEndpoint):
    """One browser's connection."""

    spec: ClassVar[ClassSpec] = catalogue.WEBRTC_ENDPOINT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine, options: EndpointOptions) -> None:
        super().__init__(parent, raise_event, engine)
        self.receives, self.sends = options.receives, options.sends
        self._bundles: tuple[Bundle, ...] = ()
        self._peers: list[Peer] = []
        self._early: list[dict[str, Any]] = []

    @property
    def ice_connection_state(self) -> list[dict[str, Any]]:
        """The state of each ICE component."""
        states = [(p, c, s) for p in self._peers for c, s in sorted(p.ice_states.items())]
        return [record("IceConnection", streamId=str(_stream(p)), componentId=c, state=s) for p, c, s in states]

    @property
    def dtls_connection_state(self) -> list[dict[str, Any]]:
        """The state of each DTLS connection, once there is one."""
        return [record("DtlsConnection", **_dtls(peer, peer.dtls_state)) for peer in self._peers]

    @property
    def candidate_pairs(self) -> list[dict[str, Any]]:
        """The selected pair of each transport that has one."""
        return [_pair(peer) for peer in self._peers if peer.agent.pair is not None]

    def gather_candidates(self) -> None:
        """Begin to gather; before there is a local description it does nothing (protocol 10.2)."""
        for peer in self._peers:
            peer.gather()

    async def add_ice_candidate(self, candidate: dict[str, Any]) -> None:
        """Take one of the peer's candidates; an index without a line is refused after gathering."""
        if self._state == "new":
            if len(self._early) < EARLY:
                self._early.append(candidate)
            return
        index = candidate["sdpMLineIndex"]
        if self._all_gathered() and candidate["candidate"] and index not in self._places():
            raise refusal(Code.ICE_ADD_CANDIDATE_ERROR, "Error adding candidate")
        peer = self._peer_at(index)
        if peer is not None:
            await peer.add_candidate(candidate["candidate"])

    def create_data_channel(self, *ignored: Any) -> None:
        """Refuse: data channels are not negotiated."""
        raise refusal(Code.MEDIA_OBJECT_OPERATION_NOT_SUPPORTED, "Data channels are not supported")

    def close_data_channel(self, channel: int) -> None:
        """Refuse: data channels are not negotiated."""
        self.create_data_channel()

    def rtp_sessions(self) -> list[RtpSession]:
        """Return the session on each transport."""
        return [peer.session for peer in self._peers]

    def identities(self, count: int) -> list[Identity]:
        """Begin so many peer connections and return their credentials."""
        clock = SourceClock()
        self._peers = [Peer(self.engine, self, self.ports, number, clock) for number in range(count)]
        return [peer.identity for peer in self._peers]

    def agreed(self, agreement: Agreement, *, offered: bool) -> None:
        """Hand the agreement to the peer connections, with the candidates that came before it or inside it."""
        self._bundles = agreement.bundles
        for peer, bundle in zip(self._peers, agreement.bundles, strict=True):
            peer.agree(bundle, controlling=offered, max_bitrate=self.ceiling)
            self.engine.start(_feed(peer, bundle.candidates))
        early, self._early = self._early, []
        for candidate in early:
            known = self._peer_at(candidate["sdpMLineIndex"])
            if known is not None:
                self.engine.start(_feed(known, (candidate["candidate"],)))

    def local_text(self, description: LocalDescription) -> str:
        """Render our description with the candidates gathered so far."""
        return description.render([peer.place for peer in self._peers])

    def dispose(self) -> None:
        """Disconnect and close the peer connections."""
        super().dispose()
        for peer in self._peers:
            peer.close()

    def candidates_gathered(self, peer: Peer) -> None:
        """Tell each candidate once per line of its transport, even under BUNDLE, and when there are no more."""
        sections = self._local.sections if self._local is not None else []
        heads = [section.head for section in sections if section.transport == peer.number]
        for text in peer.gathered or ():
            for head in heads:
                mid = head.mid or str(head.index)
                candidate = record("IceCandidate", candidate=text, sdpMid=mid, sdpMLineIndex=head.index)
                self.raise_event("IceCandidateFound", candidate=candidate)
        if self._all_gathered():
            self.raise_event("IceGatheringDone")

    def ice_changed(self, peer: Peer, component: int, state: str) -> None:
        """Tell a new state of an ICE component; here streamId is a number (checklist 48)."""
        self.raise_event("IceComponentStateChanged", streamId=_stream(peer), componentId=component, state=state)

    def pair_selected(self, peer: Peer) -> None:
        """Tell which pair is in use."""
        self.raise_event("NewCandidatePairSelected", candidatePair=_pair(peer))

    def dtls_changed(self, peer: Peer, state: str) -> None:
        """Tell a new state of DTLS."""
        self.raise_event("DtlsConnectionStateChange", **_dtls(peer, state))

    def connected(self, peer: Peer) -> None:
        """The endpoint is connected when keys are set on all transports."""
        if all(each.up for each in self._peers):
            self.all_connected()

    def failed(self, reason: str) -> None:
        """Tell that the connection came to an end by a fault of ours; here `type` is the kind of error (9.1)."""
        self.raise_event("Error", description=reason, errorCode=0, type="UNEXPECTED_ELEMENT_ERROR")

    def _all_gathered(self) -> bool:
        return bool(self._peers) and all(peer.gathered is not None for peer in self._peers)

    def _places(self) -> set[int]:
        return {section.head.index for section in self._local.sections} if self._local is not None else set()

    def _peer_at(self, index: int) -> Peer | None:
        """The transport of a line; a browser that bundles names any line of the group, or the first of all."""
        if len(self._peers) == 1:
            return self._peers[0]
        numbers = (number for number, bundle in enumerate(self._bundles) if index in bundle.places)
        return next((self._peers[number] for number in numbers), None)


def _stream(peer: Peer) -> int:
    """The ICE stream's number; the real server counts from one."""
    return peer.number + 1


async def _feed(peer: Peer, candidates: tuple[str, ...]) -> None:
    for candidate in candidates:
        await peer.add_candidate(candidate)


def _pair(peer: Peer) -> dict[str, Any]:
    pair = peer.agent.pair
    assert pair is not None
    return record(
        "IceCandidatePair",
        streamId=str(_stream(peer)),
        componentId=1,
        localCandidate=f"candidate:{pair.local_candidate.to_sdp()}",
        remoteCandidate=f"candidate:{pair.remote_candidate.to_sdp()}",
    )


def _dtls(peer: Peer, state: str) -> dict[str, str]:
    return {
        "streamId": str(_stream(peer)),
        "componentId": "[bundle/dtlssrtpenc]",
        "connectionId": peer.connection_id,
        "state": state,
    }
