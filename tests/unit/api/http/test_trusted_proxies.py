"""Where a request comes from: from the right, as far as the trusted proxies go, and never further."""

import pytest
from starlette.requests import HTTPConnection

from api.http.trusted_proxies import HOPS, TrustedProxies

CLUSTER = ("10.0.0.0/8", "fd00::/8")


def address(peer: str, *headers: tuple[str, str], networks: tuple[str, ...] = CLUSTER) -> str:
    """Where a request with these headers, that comes in from ``peer``, comes from."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return TrustedProxies(networks).address_of(HTTPConnection({"type": "http", "client": (peer, 1), "headers": raw}))


XFF, RFC = "X-Forwarded-For", "Forwarded"


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("10.1.1.1", [(XFF, "192.0.2.7")], "192.0.2.7"),
        ("10.1.1.1", [(XFF, "198.51.100.1, 192.0.2.7, 10.2.2.2")], "192.0.2.7"),
        ("10.1.1.1", [(XFF, "198.51.100.1"), (XFF, "192.0.2.7")], "192.0.2.7"),
        ("10.1.1.1", [(XFF, "10.3.3.3, 10.2.2.2")], "10.3.3.3"),
        ("10.1.1.1", [(XFF, "192.0.2.7:4711")], "192.0.2.7"),
        ("10.1.1.1", [(XFF, "[2001:db8::7]:4711")], "2001:db8::7"),
        ("10.1.1.1", [(XFF, "2001:db8::7")], "2001:db8::7"),
        ("::ffff:10.1.1.1", [(XFF, "192.0.2.7")], "192.0.2.7"),
        ("fd00::1", [(RFC, 'for=192.0.2.7;proto=https, for="[fd00::2]:80"')], "192.0.2.7"),
        ("10.1.1.1", [(RFC, "For=198.51.100.1, proto=https;for=192.0.2.7")], "192.0.2.7"),
        ("10.1.1.1", [(RFC, "for=198.51.100.1"), (XFF, "192.0.2.7")], "192.0.2.7"),
        ("10.1.1.1", [(RFC, "for=198.51.100.1, for=unknown")], "10.1.1.1"),
        ("10.1.1.1", [(XFF, "198.51.100.1, nonsense, 10.2.2.2")], "10.2.2.2"),
        ("10.1.1.1", [(XFF, ", ".join(["192.0.2.7"] + ["10.2.2.2"] * HOPS))], "10.2.2.2"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("192.0.2.7", [(XFF, "198.51.100.1"), (RFC, "for=198.51.100.1")], "192.0.2.7"),
        ("", [(XFF, "198.51.100.1")], ""),
    ],
)
def test_the_nearest_that_is_no_proxy(peer: str, headers: list[tuple[str, str]], found: str) -> None:
    assert address(peer, *headers) == found


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert address("10.1.1.1", (XFF, "192.0.2.7"), networks=()) == "10.1.1.1"
