"""People of calls with media, two in each, as the Python SDK keeps them; when each of them saw and heard what."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from aiortc.mediastreams import AudioStreamTrack

from callplane_client import AsyncCallplane
from callplane_client.media import MediaSeat, Picture, Received, RemoteStream, join
from callplane_client.shapes import Message
from testkit.servers.programs import API_KEY

FRAMES = 3
"""So many pictures are a stream that flows."""

STEPS = (
    "loss told",
    "pipeline told",
    "own stream told",
    "other's stream told",
    "subscription answered",
    "first picture",
)
"""Of one person after each loss, in the order in which they come about."""


@dataclass
class Person:
    """Somebody in a call, and the moments (``time.monotonic``) of the steps in each epoch."""

    seat: MediaSeat
    tasks: asyncio.TaskGroup
    moments: dict[int, dict[str, float]] = field(default_factory=dict)
    _pictures: dict[int, int] = field(default_factory=dict)
    _watched: set[RemoteStream] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.seat.on("media-lost", lambda message: self._told("loss told", message))
        self.seat.on("media-ready", lambda message: self._told("pipeline told", message))
        self.seat.on("stream-published", self._stream)
        self.seat.on("received", self._received)

    async def sees(self, epoch: int, within: float) -> dict[str, float]:
        """Wait until some pictures have come in this epoch; its moments, none where they did not come in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._pictures.get(epoch, 0) < FRAMES:
                    self._news.clear()
                    await self._news.wait()
                return self.moments[epoch]
        return {}

    def _at(self, step: str, epoch: int) -> None:
        self.moments.setdefault(epoch, {}).setdefault(step, time.monotonic())

    def _told(self, step: str, message: Message) -> None:
        self._at(step, message.data["epoch"])

    def _stream(self, message: Message) -> None:
        mine = message.data["participant_id"] == self.seat.id
        self._at("own stream told" if mine else "other's stream told", self.seat.info.epoch)

    def _received(self, endpoint: Received) -> None:
        self._at("subscription answered", self.seat.info.epoch)
        if endpoint.stream not in self._watched:
            self._watched.add(endpoint.stream)
            self.tasks.create_task(self._watch(endpoint.stream))

    async def _watch(self, stream: RemoteStream) -> None:
        async for _ in stream.video:
            connection = stream.connection
            if connection is None or connection.id is None:
                continue  # of the endpoint before
            self._at("first picture", connection.epoch)
            self._pictures[connection.epoch] = self._pictures.get(connection.epoch, 0) + 1
            self._news.set()


async def call(stack: contextlib.AsyncExitStack, urls: list[str]) -> list[Person]:
    """Two who send picture and sound, and receive each other; each asks another pod first."""
    session, people = "", []
    for turn in range(2):
        callplane = await stack.enter_async_context(AsyncCallplane(urls[turn:] + urls[:turn], api_key=API_KEY))
        session = session or (await callplane.sessions.create()).id
        seat = await stack.enter_async_context(join(callplane, session))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.push_async_callback(seat.leave)
        people.append(Person(seat, tasks))
        await seat.publish([Picture(), AudioStreamTrack()])
    return people
