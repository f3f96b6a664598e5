"""Plain RTP endpoint: answers and offers Opus and VP8 over ports of its own (protocol 9.8)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.media.inbound import SourceClock
from mediaserver.media.plain import NoPorts, PlainTransport
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sdp.local import Identity, LocalDescription
from mediaserver.media.sdp.negotiation import Agreement
from mediaserver.model import elements
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.base_rtp_endpoint import BaseRtpEndpoint
from mediaserver.objects.media_object import Listener, MediaObject

KEY_BYTES = {"AES_128": 30, "AES_256": 46}
"""Master key and salt of SRTP (RFC 4568, 6.2; RFC 6188, 7)."""


class RtpEndpoint(BaseRtpEndpoint):
    """One peer that is reached where its description says; keys of SRTP are checked, but not used."""

    spec: ClassVar[ClassSpec] = elements.RTP_ENDPOINT
    plain = True

    def __init__(
        self, parent: MediaObject, raise_event: Listener, engine: Engine, crypto: Mapping[str, Any] | None
    ) -> None:
        check_key(crypto or {})
        super().__init__(parent, raise_event, engine)
        self._transports: list[PlainTransport] = []

    def rtp_sessions(self) -> list[RtpSession]:
        """Return the session of each line."""
        return [each.session for each in self._transports]

    def identities(self, count: int) -> list[Identity]:
        """Bind ports for so many lines, and return what is ours on each."""
        clock = SourceClock()
        try:
            for _ in range(count):
                self._transports.append(PlainTransport(self.engine, self.ports, clock, self.media_changed))
        except NoPorts as why:
            self._close()
            raise refusal(Code.SDP_END_POINT_CANNOT_CREATE_SESSON, f"Cannot create session: {why}") from why
        return [each.identity for each in self._transports]

    def agreed(self, agreement: Agreement, *, offered: bool) -> None:
        """Let media flow, which needs nothing more (protocol 9.8)."""
        assert self._local is not None
        for bundle in agreement.bundles:
            for chosen in bundle.chosen:
                number = self._local.sections[chosen.index].transport
                if number is not None:
                    self._transports[number].agree(bundle, max_bitrate=self.ceiling)
        if agreement.bundles:
            self.all_connected()

    def local_text(self, description: LocalDescription) -> str:
        """Render our description with our ports."""
        return description.render([each.place for each in self._transports])

    def dispose(self) -> None:
        """Disconnect and free the ports."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        for each in self._transports:
            each.close()
        self._transports = []


def check_key(crypto: Mapping[str, Any]) -> None:
    """Refuse a master key of the wrong size (40107)."""
    if "key" not in crypto and "keyBase64" not in crypto:
        return
    try:
        key = base64.b64decode(crypto["keyBase64"], validate=True) if "keyBase64" in crypto else crypto["key"].encode()
    except binascii.Error as wrong:
        raise refusal(Code.MEDIA_OBJECT_ILLEGAL_PARAM_ERROR, "Master key is not base64") from wrong
    suite = str(crypto.get("crypto", "AES_128"))[:7]
    if len(key) != KEY_BYTES[suite]:
        raise refusal(Code.MEDIA_OBJECT_ILLEGAL_PARAM_ERROR, "Master key size is wrong")
