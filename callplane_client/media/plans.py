"""Plans of connections: what an endpoint is for, and what its seat asks the API through."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from callplane_client.aio.seat import AsyncSeat
from callplane_client.errors import CallplaneError
from callplane_client.fields import Kind, Offer
from callplane_client.media.early import Early
from callplane_client.media.peer import Peer
from callplane_client.media.tracks import ReceivedTrack


@dataclass
class Signalling:
    """What connections ask through, for one seat."""

    seat: AsyncSeat
    tasks: asyncio.TaskGroup
    epoch: Callable[[], int]
    ice_servers: list[dict[str, Any]]
    """For the endpoints that are made from now on."""
    troubled: Callable[[Kind, CallplaneError, bool], None]
    """An offer failed, and whether it is the last: it is made no more."""
    early: Early = field(default_factory=Early)


@dataclass(frozen=True)
class Plan:
    """What an endpoint is for."""

    kind: Kind
    offer: Callable[[], Offer | None]
    """What an offer says besides its SDP; None: there is nothing to offer for yet, ``wake`` asks again."""
    fill: Callable[[Peer], None]
    """Have it send or receive."""
    changed: Callable[[], None]
    """Its state is another."""
    received: dict[str, ReceivedTrack] = field(default_factory=dict)
    """Where what comes goes, by kind."""
    made: Callable[[str, float, list[str]], None] = lambda _connection_id, _since, _media: None
    """An endpoint was answered: its id, since when it was being offered, and the kinds that it receives."""
