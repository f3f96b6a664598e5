"""Doors: clients that read a mailbox by WebSocket, by server-sent events or by long poll, and count what they get.

Each acknowledges as the SDK does, opens again where it ended, at the next pod when its own is gone, and parses no JSON:
marks are found in the bytes. All of them are protocols of asyncio, without a task of their own.
"""

from typing import Literal

from bench.messages.book import Reader
from bench.messages.polls import PollDoor
from bench.messages.streams import EventsDoor, WebSocketDoor
from bench.messages.ways import Door, Ways

DoorName = Literal["websocket", "sse", "poll", "poll-anywhere", "AMQP"]
"""The last one is no door of ours: that of the broker's own fan-out."""

DOORS: tuple[DoorName, ...] = ("websocket", "sse", "poll", "poll-anywhere")


def door(name: DoorName, reader: Reader, token: str, ways: Ways, pod: int) -> Door:
    """A client of that kind, whose first pod is that one."""
    if name == "websocket":
        return WebSocketDoor(reader, token, ways, pod)
    if name == "sse":
        return EventsDoor(reader, token, ways, pod)
    return PollDoor(reader, token, ways, pod, anywhere=name == "poll-anywhere")
