"""Telling what is no SDP offer at all before anything is asked of a media server."""

from callplane.contracts.bounds import SDP_BYTES
from callplane.contracts.errors import Refusal


def check_offer(sdp: str) -> None:
    """``v=0`` first and an ``m=`` line (RFC 8866, 5), within 64 KiB. Raises Refusal ``invalid-sdp``."""
    if len(sdp.encode()) > SDP_BYTES:
        raise Refusal("invalid-sdp", f"The offer is longer than {SDP_BYTES} bytes.")
    lines = sdp.splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise Refusal("invalid-sdp", "The offer does not begin with v=0.")
    if not any(line.startswith("m=") for line in lines):
        raise Refusal("invalid-sdp", "The offer has no m= line.")
    if "\x00" in sdp:
        raise Refusal("invalid-sdp", "The offer holds a NUL character.")
