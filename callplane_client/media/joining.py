"""Joining a call: a seat with media for a block, given back behind it, also where it was cancelled meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Unpack

from callplane_client.aio.client import AsyncCallplane
from callplane_client.aio.messages import Transport
from callplane_client.fields import NewParticipant
from callplane_client.media.endings import to_its_end
from callplane_client.media.seat import LEAVE_SECONDS, MediaSeat, give_back
from callplane_client.shapes import Joined


@asynccontextmanager
async def join(
    callplane: AsyncCallplane,
    session_id: str,
    *,
    auto_subscribe: bool = True,
    transport: Transport = "auto",
    **fields: Unpack[NewParticipant],
) -> AsyncIterator[MediaSeat]:
    """Be in a call for the block, and leave behind it; with ``auto_subscribe`` all that others send is received."""
    joined = await _taken(callplane, session_id, fields)
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        seat = MediaSeat(callplane.seat(joined), tasks, auto_subscribe=auto_subscribe, transport=transport)
        try:
            yield seat
        except Exception as error:
            failure = error  # out of the group, so that who catches it finds it by its type
        finally:
            await seat.leave()
    if failure is not None:
        raise failure


async def _taken(callplane: AsyncCallplane, session_id: str, fields: NewParticipant) -> Joined:
    """Take a seat; one that is cancelled meanwhile is given back."""
    asking = asyncio.ensure_future(callplane.participants.join(session_id, **fields))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await to_its_end(_left_meanwhile(callplane, asking))
        raise


async def _left_meanwhile(callplane: AsyncCallplane, asking: asyncio.Task[Joined]) -> None:
    await asyncio.wait({asking}, timeout=LEAVE_SECONDS)
    asking.cancel()
    await asyncio.wait({asking})
    if not asking.cancelled() and asking.exception() is None:
        await give_back(callplane.seat(asking.result()))
