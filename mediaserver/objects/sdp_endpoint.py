"""SDP state machine: one negotiation in the life of an endpoint (protocol 10.1)."""

from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.sdp import local
from mediaserver.media.sdp.description import Description, InvalidSdp
from mediaserver.media.sdp.local import Identity, LocalDescription
from mediaserver.media.sdp.negotiation import Agreement, Unanswerable, agree, agree_plainly
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.element import MediaElement


class SdpEndpoint(MediaElement):
    """Offers or answers once; subclasses say who they are and what to do with an agreement."""

    spec: ClassVar[ClassSpec] = catalogue.SDP_ENDPOINT
    receives = True
    sends = True
    plain = False

    _local: LocalDescription | None = None
    _remote: str | None = None
    _state = "new"
    _offered_here = False

    def identities(self, count: int) -> list[Identity]:
        """Return what is ours in a description of so many transports."""
        raise NotImplementedError

    def agreed(self, agreement: Agreement, *, offered: bool) -> None:
        """Set up the media that was agreed on."""
        raise NotImplementedError

    def local_text(self, description: LocalDescription) -> str:
        """Render our description as it stands."""
        raise NotImplementedError

    def process_offer(self, offer: str) -> str:
        """Answer an offer; one that cannot be answered leaves the endpoint as it was."""
        parsed = _parse(offer, "offer")
        if self._state != "new":
            raise refusal(Code.SDP_END_POINT_ALREADY_NEGOTIATED, "Endpoint already negotiated")
        try:
            agreement = self._agree(parsed)
        except Unanswerable as why:
            raise refusal(Code.SDP_END_POINT_PROCESS_OFFER_ERROR, f"Error processing offer: {why}") from why
        own = self.identities(len(agreement.bundles))
        description = local.answer(parsed, agreement, own, self._bandwidth())
        self._negotiated(description, offer, agreement, offered=False)
        return self.local_text(description)

    def generate_offer(self, options: dict[str, Any] | None) -> str:
        """Offer VP8 and Opus."""
        if self._state != "new":
            raise refusal(Code.SDP_END_POINT_ALREADY_NEGOTIATED, "Endpoint already negotiated")
        wanted = options or {}
        kinds = [k for k in ("audio", "video") if wanted.get(f"offerToReceive{k.capitalize()}", True)]
        direction = ("send" if self.sends else "") + ("recv" if self.receives else "")
        direction = direction if direction == "sendrecv" else f"{direction}only"
        if not kinds or direction == "only":
            raise refusal(Code.SDP_END_POINT_GENERATE_OFFER_ERROR, "Error generating offer: no media")
        own = self.identities(len(kinds) if self.plain else 1)
        self._local = local.offer(own, kinds, direction, self.engine.number())
        self._state, self._offered_here = "offered", True
        return self.local_text(self._local)

    def process_answer(self, answer: str) -> str:
        """Apply the answer to our offer; one that cannot be applied spends the endpoint (40206)."""
        if not answer:
            raise refusal(Code.SDP_PARSE_ERROR, "Empty answer not valid")
        if not self._offered_here:
            raise refusal(Code.SDP_END_POINT_NOT_OFFER_GENERATED, "Offer not generated. It should be generated first")
        parsed = _parse(answer, "answer")
        if self._state != "offered" or self._local is None:
            raise refusal(Code.SDP_END_POINT_ANSWER_ALREADY_PROCCESED, "Sdp Answer already processed")
        self._state = "negotiated"
        try:
            agreement = self._agree(parsed)
            if len(agreement.bundles) != 1 and not (self.plain and agreement.bundles):
                raise Unanswerable("an answer to bundled media that is nothing, or is not bundled")
        except Unanswerable as why:
            raise refusal(Code.SDP_END_POINT_PROCESS_ANSWER_ERROR, f"Error processing answer: {why}") from why
        self._negotiated(self._local, answer, agreement, offered=True)
        return self.local_text(self._local)

    def get_local_session_descriptor(self) -> str:
        """Return our description with what has been gathered, or refuse with 40202."""
        if self._local is None:
            raise refusal(Code.SDP_END_POINT_NO_LOCAL_SDP_ERROR, "No local session descriptor")
        return self.local_text(self._local)

    def get_remote_session_descriptor(self) -> str:
        """Return the peer's description as it came, or refuse with 40203."""
        if self._remote is None:
            raise refusal(Code.SDP_END_POINT_NO_REMOTE_SDP_ERROR, "No remote session descriptor")
        return self._remote

    def _agree(self, remote: Description) -> Agreement:
        rules = agree_plainly if self.plain else agree
        return rules(remote, receives=self.receives, sends=self.sends)

    def _negotiated(self, own: LocalDescription, remote: str, agreement: Agreement, *, offered: bool) -> None:
        self._state = "negotiated"
        self._local, self._remote = own, remote
        self.agreed(agreement, offered=offered)
        self.raise_event("MediaSessionStarted")

    def _bandwidth(self) -> dict[str, int]:
        return {k: self.values.get(f"max{k.capitalize()}RecvBandwidth", 0) for k in ("audio", "video")}


def _parse(text: str, what: str) -> Description:
    if not text:
        raise refusal(Code.SDP_PARSE_ERROR, f"Empty {what} not valid")
    try:
        return Description.parse(text)
    except InvalidSdp as wrong:
        raise refusal(Code.SDP_PARSE_ERROR, str(wrong)) from wrong
