"""Network addresses: which of them only this machine can reach."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach a listener on ``host``, or is asked there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
