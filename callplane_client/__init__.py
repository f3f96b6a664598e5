"""Python SDK of Callplane: sessions, participants, messages and tokens, with asyncio and without."""

from callplane_client.aio.client import AsyncCallplane
from callplane_client.aio.event_stream import AsyncEventStream
from callplane_client.aio.http import AsyncWay
from callplane_client.aio.messages import AsyncMessages
from callplane_client.aio.seat import AsyncSeat
from callplane_client.blocking.client import Callplane
from callplane_client.blocking.event_stream import EventStream
from callplane_client.blocking.http import Way
from callplane_client.blocking.messages import Messages
from callplane_client.blocking.seat import Seat
from callplane_client.errors import CallplaneError, Refused, Unreachable
from callplane_client.retries import Retries

__all__ = [
    "AsyncCallplane",
    "AsyncEventStream",
    "AsyncMessages",
    "AsyncSeat",
    "AsyncWay",
    "Callplane",
    "CallplaneError",
    "EventStream",
    "Messages",
    "Refused",
    "Retries",
    "Seat",
    "Unreachable",
    "Way",
]
