"""DTLS-SRTP on aiortc; hands decrypted packets over whole instead of to aiortc's receivers."""

from collections.abc import Callable

import pylibsrtp
import structlog
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, State

from mediaserver.media.ice import IceAgent, IceLink
from mediaserver.media.sdp.description import Transport

log = structlog.get_logger(__name__)

OnData = Callable[[bytes], None]


class DtlsLink(RTCDtlsTransport):
    """The encrypted way to one peer; RTP is sent without awaiting anything."""

    def __init__(self, agent: IceAgent, certificate: RTCCertificate, on_rtp: OnData, on_rtcp: OnData) -> None:
        super().__init__(IceLink(agent), [certificate])  # type: ignore[arg-type]  # all it uses of ICE
        self._agent = agent
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self.changed: Callable[[str], None] | None = None

    @property
    def up(self) -> bool:
        """Whether keys are set and nothing has ended it."""
        return self._state == State.CONNECTED

    async def handshake(self, remote: Transport) -> bool:
        """Shake hands as the side that the peer's setup attribute leaves us (RFC 5763, 5)."""
        self._set_role("server" if remote.setup == "active" else "client")
        prints = [RTCDtlsFingerprint(algorithm, digest) for algorithm, digest in remote.fingerprints]
        await self.start(RTCDtlsParameters(fingerprints=prints))
        return self.up

    def send_rtp(self, data: bytes) -> bytes | None:
        """Encrypt and send; returns what went out, for a later repetition."""
        if self._state != State.CONNECTED:
            return None
        try:
            protected: bytes = self._tx_srtp.protect(data)
        except (pylibsrtp.Error, ValueError):
            return None  # a packet too long for SRTP's buffer is lost like any other
        return protected if self._agent.send_now(protected) else None

    def send_again(self, protected: bytes) -> None:
        """Repeat a packet as it went out before; SRTP allows it, the viewer has never seen it."""
        if self._state == State.CONNECTED:
            self._agent.send_now(protected)

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send a compound RTCP packet."""
        if data and self._state == State.CONNECTED:
            self._agent.send_now(self._tx_srtp.protect_rtcp(data))

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._hand_over(self._on_rtp, data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._hand_over(self._on_rtcp, data)

    def _hand_over(self, taker: OnData, data: bytes) -> None:
        """Keep aiortc's reading task alive whatever a packet does to us."""
        try:
            taker(data)
        except Exception as bug:
            log.warning("packet dropped", error=repr(bug), size=len(data))

    def _set_state(self, state: State) -> None:
        before = self._state
        super()._set_state(state)
        if state != before and self.changed is not None:
            self.changed(state.name)
