"""TURN credentials: read when they end, and asked for anew before that."""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any

from callplane_client.errors import CallplaneError
from callplane_client.media.plans import Signalling

PART = 0.8
"""Of what is left when they are read; a connection that begins later than that still has a while."""
SOONEST = 10.0


def end_of(servers: Sequence[dict[str, Any]]) -> float:
    """When the first of them ends, in seconds since 1970; infinity: none does.

    Their usernames begin with the time of their end, as coturn's do.
    """
    found = (re.match(r"(\d{9,12})(:|$)", str(one.get("username") or "")) for one in servers)
    return min((float(each[1]) for each in found if each), default=float("inf"))


async def refreshing(signalling: Signalling) -> None:
    """Ask for others in time, again and again, until none of them ends."""
    while (left := end_of(signalling.ice_servers) - time.time()) != float("inf"):
        await asyncio.sleep(max(SOONEST, left * PART))
        try:
            signalling.ice_servers = (await signalling.seat.come_back()).ice_servers
        except CallplaneError:
            continue  # later; what there is may still be good
