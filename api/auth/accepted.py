"""Accepted credentials: which kinds each permission takes at all, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["api_key", "access_token", "participant_token"]

_SERVERS: tuple[Kind, ...] = ("api_key",)
_SEATS: tuple[Kind, ...] = ("participant_token",)
_SERVERS_AND_SEATS: tuple[Kind, ...] = ("api_key", "participant_token")
_ALL: tuple[Kind, ...] = ("api_key", "access_token", "participant_token")

ACCEPTED: Mapping[str, tuple[Kind, ...]] = {
    "create": ("api_key", "access_token"),
    "audit": _SERVERS,
    "list_sessions": ("api_key", "access_token"),
    "sign": _SERVERS,
    "operate": _SERVERS,
    "see_tenant": _SERVERS,
    "reach_letters": _SERVERS,
    "hook": _SERVERS,
    "diagnose": _SERVERS,
    "ask_client": _SERVERS,
    "read": _ALL,
    "join": _ALL,
    "presence": _ALL,
    "steer": _SERVERS_AND_SEATS,
    "read_connection": _SERVERS_AND_SEATS,
    "stop_connection": _SERVERS_AND_SEATS,
    "signal": _SERVERS_AND_SEATS,
    "read_history": _SERVERS_AND_SEATS,
    "change_seat": _SERVERS_AND_SEATS,
    "remove_seat": _SERVERS_AND_SEATS,
    "seat": _SEATS,
    "read_mailbox": _SEATS,
}
"""Permission → kinds of credentials; what it asks of one of these beyond that is in its method."""
