"""Page policy: what the pages may load and ask, and the one other server that the call page's address may name."""

import re
from collections.abc import Sequence

from callplane.contracts.refusals.requests import other_server_not_usable

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"(https?)://({_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?)", re.ASCII | re.IGNORECASE)
"""Names and IPv4 addresses: a policy has no grammar for IPv6 (CSP 3, 2.3.1)."""
_MOST = 270
"""Characters: the longest name (RFC 1035, 2.3.4) with what stands around it."""


def other_server(named: Sequence[str]) -> str | None:
    """The origin that an address names as ``server``; None where it names none. Raises Refusal for anything else.

    It goes into a header, so that nothing but an origin comes through: no path, user, wildcard, quote or semicolon.
    """
    if not any(named):
        return None
    match = _ORIGIN.fullmatch(named[0]) if len(named) == 1 and len(named[0]) <= _MOST else None
    if match is None or int(match[2].partition(":")[2] or 443) > 65_535:
        raise other_server_not_usable()
    return match[0].lower()


def security_policy(server: str | None = None) -> str:
    """Nothing but our own files, and in nobody's frame; of another server its answers and its socket besides."""
    asked = ("'self'",) if server is None else ("'self'", server, server.replace("http", "ws", 1))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {' '.join(asked)}",
            "media-src 'self' blob: mediastream:",
            # The worker is the synthetic picture's clock.
            "worker-src blob:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
