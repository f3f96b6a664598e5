"""The candidates that a session description holds, as the events that told them once."""

from kurento_client import IceCandidate
from wrapper.negotiation.sdp import Described


def described_candidates(sdp: str) -> list[IceCandidate]:
    """Each ``a=candidate`` of each media section; ``end-of-candidates`` is none (RFC 8839, 5.1)."""
    return [
        IceCandidate(candidate, section.mid, index)
        for index, section in enumerate(Described.read(sdp).sections)
        for candidate in section.candidates
    ]
