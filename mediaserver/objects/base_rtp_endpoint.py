"""RTP endpoint base, encrypted or not: states, statistics, key frames (protocol 9.6, 10.3)."""

from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.rtp_session import RtpSession
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.vocabulary import REMB_DEFAULT
from mediaserver.objects.media_object import Listener, MediaObject
from mediaserver.objects.sdp_endpoint import SdpEndpoint
from mediaserver.objects.stats import endpoint_stats


class BaseRtpEndpoint(SdpEndpoint):
    """An endpoint of one RTP session for each of its transports."""

    spec: ClassVar[ClassSpec] = catalogue.BASE_RTP_ENDPOINT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine) -> None:
        super().__init__(parent, raise_event, engine)
        self.connection_state = "DISCONNECTED"
        self.media_state = "DISCONNECTED"
        self._remb = dict(REMB_DEFAULT)

    def rtp_sessions(self) -> list[RtpSession]:
        """Return the sessions with the peer."""
        raise NotImplementedError

    @property
    def remb_params(self) -> dict[str, Any]:
        """What was set, over the defaults; kept, but without effect on the fixed ceiling."""
        return self._remb

    @remb_params.setter
    def remb_params(self, given: dict[str, Any]) -> None:
        self._remb = {**self._remb, **given}

    @property
    def ceiling(self) -> int:
        """The bitrate in kbit/s that a publisher is offered."""
        limit: int = self.values.get("maxVideoRecvBandwidth", 0) or self.engine.settings.max_video_bitrate
        return min(limit, self.engine.settings.max_video_bitrate)

    def request_keyframe(self) -> None:
        """Ask whoever feeds this endpoint for a key frame."""
        inlet = self.ports["video"].inlet
        if inlet.source is None:
            raise refusal(Code.MEDIA_OBJECT_OPERATION_NOT_SUPPORTED, "Nothing is connected upstream")
        inlet.request_key_frame(self.engine.now())

    def get_stats(self, kind: str | None) -> dict[str, Any]:
        """Report what RTP has come and gone."""
        return {k: v for session in self.rtp_sessions() for k, v in endpoint_stats(self.id, session, kind).items()}

    def all_connected(self) -> None:
        """Tell that media can flow on all transports; it is never taken back (protocol 10.3)."""
        before, self.connection_state = self.connection_state, "CONNECTED"
        if before != "CONNECTED":
            self.raise_event("ConnectionStateChanged", oldState=before, newState="CONNECTED")

    def media_changed(self) -> None:
        """Tell whether the peer is heard on any of its transports."""
        heard = any(session.media_state == "CONNECTED" for session in self.rtp_sessions())
        before, self.media_state = self.media_state, "CONNECTED" if heard else "DISCONNECTED"
        if self.media_state != before:
            self.raise_event("MediaStateChanged", oldState=before, newState=self.media_state)
