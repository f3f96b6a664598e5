"""Trusted proxies: finds where a request comes from (RFC 7239), read from the right, as far as they go.

What stands further to the left anybody may have written.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

HOPS = 16
"""More proxies stand in front of nothing."""

_FOR = re.compile(r'(?:^|[;\s])for="?([^;"]*)', re.IGNORECASE)

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """The networks whose proxies are believed; none: nobody is."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: Sequence[IPv4Network | IPv6Network] = [ip_network(network) for network in networks]

    def address_of(self, connection: HTTPConnection) -> str:
        """The nearest address that is no trusted proxy's."""
        peer = connection.client.host if connection.client else ""
        if not self._networks:
            return peer
        nearest = _parsed(peer)
        if nearest is None or not self._is_trusted(nearest):
            return peer
        for text in _hops(connection.headers):
            hop = _parsed(text)
            if hop is None:  # "unknown" and hidden names say nothing, and nothing to the left can be believed
                break
            nearest = hop
            if not self._is_trusted(hop):
                break
        return str(nearest)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(headers: Headers) -> list[str]:
    """From the nearest to the furthest. Not both: who sets one passes on what a client wrote into the other."""
    passed_on = headers.getlist("x-forwarded-for")
    if passed_on:
        return ",".join(passed_on).split(",")[::-1][:HOPS]
    elements = ",".join(headers.getlist("forwarded")).split(",")[::-1][:HOPS]
    return [found[1] if (found := _FOR.search(one)) else "" for one in elements]


def _parsed(text: str) -> Address | None:
    """Also with a port, and in brackets; an IPv4 address in IPv6 is that IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
