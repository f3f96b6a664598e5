"""Connection refusals: connections that are not there or not theirs, and offers that are not taken."""

from collections.abc import Iterable

from callplane.contracts.bounds import CONNECTIONS_PER_SEAT, SDP_BYTES
from callplane.contracts.errors import Refusal
from callplane.contracts.reasons import OfferReason
from callplane.contracts.shapes import Source


def connection_not_found() -> Refusal:
    """Nothing has this connection id, or nothing that the caller may know of."""
    return Refusal("not-found", "There is no such connection in this session. Check its id, or offer to make one.")


def connection_of_another() -> Refusal:
    """It belongs to another participant."""
    return Refusal("forbidden", "This connection belongs to another participant. Use one of your own.")


def replaced_not_found() -> Refusal:
    """What ``replaces`` names is no connection of this participant, or not of this kind."""
    detail = "There is no such connection to replace. Name one of your own of the same kind, or none."
    return Refusal("not-found", detail)


def connection_stopped() -> Refusal:
    """It has ended, maybe before its offer was answered."""
    return Refusal("wrong-state", "The connection was stopped. Offer again to make another one.")


def connection_gone() -> Refusal:
    """Its session ended and took it along, while its offer was answered."""
    return Refusal("wrong-state", "The connection is gone, and its session with it. Join another session.")


def too_many_connections() -> Refusal:
    """The seat has as many as it may have."""
    return Refusal("wrong-state", f"A seat has at most {CONNECTIONS_PER_SEAT} connections. Stop one of them first.")


def publishing_not_granted(missing: Iterable[Source]) -> Refusal:
    """The seat may not send this."""
    what = ", ".join(missing)
    return Refusal("forbidden", f"This seat may not publish: {what}. Ask a moderator for the grant, or leave it out.")


def subscribing_not_granted() -> Refusal:
    """The seat may not receive."""
    return Refusal("forbidden", "This seat may not subscribe. Ask a moderator for the grant.")


def media_lost_meanwhile() -> Refusal:
    """The pipeline that the offer was answered by is gone already."""
    reason: OfferReason = "media-lost"
    return Refusal("wrong-state", "The media server was lost meanwhile. Offer again.", reason=reason)


def no_media_server() -> Refusal:
    """Nothing is up that the session's media could be placed on."""
    detail = "No media server is up. The session gets one as soon as there is one; offer again then."
    return Refusal("unavailable", detail, retry_after=1)


def offer_not_answered() -> Refusal:
    """The last attempt at it has failed."""
    return Refusal("unavailable", "The offer could not be answered. Offer again.")


def offer_too_long() -> Refusal:
    """More SDP than is read."""
    return Refusal("invalid-sdp", f"The offer is longer than {SDP_BYTES} bytes. Offer fewer lines of media.")


def offer_without_version() -> Refusal:
    """RFC 8866, 5.1."""
    return Refusal("invalid-sdp", "The offer does not begin with v=0. Send the SDP as the browser made it.")


def offer_without_media() -> Refusal:
    """RFC 8866, 5.14."""
    return Refusal("invalid-sdp", "The offer has no m= line. Offer audio, video or both.")


def offer_with_nul() -> Refusal:
    """RFC 8866, 5."""
    return Refusal("invalid-sdp", "The offer holds a NUL character. Send the SDP as the browser made it.")


def offer_refused(why: str) -> Refusal:
    """In the media server's own words."""
    return Refusal("invalid-sdp", f"The media server does not take this offer. It says: {why.strip().rstrip('.')}.")


def nothing_accepted() -> Refusal:
    """An offer to publish of which the answer takes no line."""
    detail = (
        "Nothing of the offer would be sent. Offer audio in Opus or video in VP8, on lines that are sendrecv or "
        "sendonly and are not bundle-only."
    )
    return Refusal("invalid-sdp", detail)
