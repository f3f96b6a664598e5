"""WebRTC's own formats: checks SDP offers, and puts ICE candidates into the form that the media server takes."""

from collections.abc import Iterable

from api.schemas.requests import CandidateBody
from callplane.contracts.bounds import SDP_BYTES
from callplane.contracts.commands import Candidate
from callplane.contracts.refusals.connections import (
    offer_too_long,
    offer_with_nul,
    offer_without_media,
    offer_without_version,
)


def check_offer(sdp: str) -> None:
    """``v=0`` first and an ``m=`` line (RFC 8866, 5), within 64 KiB. Raises Refusal ``invalid-sdp``."""
    if len(sdp.encode()) > SDP_BYTES:
        raise offer_too_long()
    lines = sdp.splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise offer_without_version()
    if not any(line.startswith("m=") for line in lines):
        raise offer_without_media()
    if "\x00" in sdp:
        raise offer_with_nul()


def normalised(given: Iterable[CandidateBody | None]) -> list[Candidate]:
    """Those that say something, once each: not the end mark, and no ``.local`` name, which no media server resolves.

    Each that is kept is a request to the media server, before the answer to the offer goes out.
    """
    said = [_candidate(one) for one in given if one is not None and one.candidate and not _is_mdns(one.candidate)]
    return list({one.model_dump_json(): one for one in said}.values())


def _candidate(one: CandidateBody) -> Candidate:
    """One of mid and index may be absent (W3C webrtc-pc, RTCIceCandidateInit); Kurento wants both (protocol 9.7)."""
    mid, index = one.sdpMid, one.sdpMLineIndex
    if index is None:
        index = int(mid) if mid is not None and mid.isascii() and mid.isdigit() and len(mid) < 5 else 0
    return Candidate(candidate=one.candidate or "", sdp_mid=str(index) if mid is None else mid, sdp_m_line_index=index)


def _is_mdns(candidate: str) -> bool:
    """Browsers hide host addresses behind mDNS names; the address is the fifth field (RFC 8839, 5.1)."""
    fields = candidate.split()
    return len(fields) > 4 and fields[4].lower().endswith(".local")
