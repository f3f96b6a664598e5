"""The candidates that a session description holds, as the events that told them once."""

from kurento_client import IceCandidate


def described_candidates(sdp: str) -> list[IceCandidate]:
    """Each ``a=candidate`` of each media section; ``end-of-candidates`` is none (RFC 8839, 5.1)."""
    found: list[tuple[str, int]] = []
    mids: dict[int, str] = {}
    section = -1
    for line in sdp.splitlines():
        name, _, value = line.strip().partition(":")
        if line.startswith("m="):
            section += 1
        elif name == "a=mid":
            mids[section] = value
        elif name == "a=candidate":
            found.append((f"candidate:{value}", section))
    return [IceCandidate(candidate, mids.get(section, ""), section) for candidate, section in found if section >= 0]
