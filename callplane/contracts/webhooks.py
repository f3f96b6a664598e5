"""Webhook endpoints: which URLs are let in, which addresses may be connected to, and how secrets look."""

import base64
import binascii
import re
import secrets
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal, NewType
from urllib.parse import urlsplit

WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)

Hosts = Literal["public", "loopback", "private"]
"""Where endpoints may be: on the internet alone, on this machine too, or in private networks as well."""

WEBHOOK_URL_CHARACTERS = 2048
HTTPS_PORT = 443
FIRST_USER_PORT = 1024
"""Below lie mail, shells, databases of before: nobody's endpoint but on 443 (RFC 6335, 6)."""
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
"""Of those that are made here."""
SECRET_LEAST, SECRET_MOST = 24, 64
"""Bytes of a caller's own, as Standard Webhooks have it."""
SECRET_CHARACTERS = 128

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}))*\.?")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
# Each holds an IPv4 address that its is_global says nothing of: translated, or tunnelled (RFC 6052, 4380, 3056).
_CARRIERS = tuple(ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/96"))
_PRIVATE = tuple(ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def check_url(url: str, hosts: Hosts) -> str:
    """The URL, if an endpoint may have it. Raises ValueError, in words for whoever wrote it.

    What its name resolves to is judged when it is connected to, each time (``may_connect``).
    """
    if len(url) > WEBHOOK_URL_CHARACTERS or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise ValueError(f"is no URL of at most {WEBHOOK_URL_CHARACTERS} printable ASCII characters")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("names a user: endpoints verify the signature instead")
    if parts.fragment or "#" in url:
        raise ValueError("has a fragment, which no server would see")
    address = _literal(host)
    if address is None and (len(host) > 253 or not _HOST.fullmatch(host)):
        raise ValueError("names no host")
    if address is not None and not may_connect(address, hosts):
        raise ValueError("is at an address that webhooks may not be sent to")
    _check_scheme(parts.scheme, host, address, hosts)
    port = parts.port  # raises ValueError beyond 65535
    if port is not None and port != HTTPS_PORT and port < FIRST_USER_PORT:
        raise ValueError(f"is at a port below {FIRST_USER_PORT} that is not {HTTPS_PORT}")
    return url


def _check_scheme(scheme: str, host: str, address: IPv4Address | IPv6Address | None, hosts: Hosts) -> None:
    if scheme == "https":
        return
    is_here = address.is_loopback if address is not None else host == "localhost"
    if scheme != "http" or hosts == "public" or not is_here:
        raise ValueError("is no https:// URL")


def may_connect(address: IPv4Address | IPv6Address, hosts: Hosts) -> bool:
    """Whether requests may go there: link-local, and so metadata services, multicast and the rest never."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return hosts != "public"
    if any(address in net for net in _PRIVATE):
        return hosts == "private"
    if address.is_multicast or any(address in net for net in _CARRIERS):
        return False
    return address.is_global


def new_secret() -> str:
    """A secret of an endpoint, as Standard Webhooks write it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def check_secret(secret: str) -> str:
    """The secret, if it is one by Standard Webhooks. Raises ValueError, in words that hold nothing of it."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"does not begin with {SECRET_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError(f"is no base64 (RFC 4648, 4, padded) behind {SECRET_PREFIX}") from None
    if not SECRET_LEAST <= len(key) <= SECRET_MOST:
        raise ValueError(f"is of {len(key)} bytes, and not of {SECRET_LEAST} to {SECRET_MOST}")
    return secret


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
