"""Callers: a person without a browser, who joins, publishes, and receives everybody else, again after each loss."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from callplane_client import AsyncCallplane, AsyncMessages, AsyncSeat, CallplaneError, Refused
from callplane_client.shapes import Message, Session
from cli.calls.peers import Peers, peers

AGAIN_SECONDS = 0.5
KEPT = 20


@dataclass(frozen=True)
class Caller:
    """Who joins, and what for."""

    name: str
    publish: str = ""
    """``synthetic``, a file, or nothing."""
    subscribe: bool = False
    role: str = "publisher"
    record: Path | None = None
    """Where what is received is written."""


@dataclass
class InCall:
    """Somebody who is in a call."""

    caller: Caller
    seat: AsyncSeat
    peers: Peers
    messages: AsyncMessages
    joined_after: float
    on_message: list[Callable[[Message], None]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Refusals of offers, which pass with the next: the last ones."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the seat is gone."""
    _streams: dict[str, str] = field(default_factory=dict)
    """Who publishes, by connection."""
    _subscribed: dict[str, str] = field(default_factory=dict)
    """Streams that are received, and by which connection of ours."""
    _published: str | None = None
    """The connection by which we send."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Take the seat's messages until it is gone."""
        async for message in self.messages:
            for each in self.on_message:
                each(message)
            self._follow(message)
            await self.peers.take(message)
            self._news.set()
        self.over.set()

    async def negotiate(self) -> None:
        """Offer what is missing, again after each loss, until cancelled."""
        while True:
            self._news.clear()
            try:
                await self._offer_what_is_missing()
            except (CallplaneError, TimeoutError) as trouble:
                if isinstance(trouble, Refused) and trouble.is_gone:
                    return
                self.troubles = [*self.troubles, str(trouble)][-KEPT:]
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await self._news.wait()

    def see(self, session: Session) -> None:
        """Go on from a snapshot."""
        streams = {s.connection_id: one.id for one in session.participants for s in one.streams}
        self._streams = {connection: who for connection, who in streams.items() if who != self.seat.id}

    def _follow(self, message: Message) -> None:
        data = message.data
        match message.type:
            case "stream-published" if data["participant_id"] != self.seat.id:
                self._streams[data["connection_id"]] = data["participant_id"]
            case "stream-unpublished":
                self._streams.pop(data["connection_id"], None)
            case "participant-left":
                self._streams = {c: who for c, who in self._streams.items() if who != data["participant_id"]}
            case "media-lost":
                self._streams, self._subscribed, self._published = {}, {}, None
            case "connection-failed":
                failed = data["connection_id"]
                self._published = None if self._published == failed else self._published
                self._subscribed = {stream: mine for stream, mine in self._subscribed.items() if mine != failed}
            case "resync-required" if message.snapshot is not None:
                self.see(message.snapshot)
            case _:
                pass

    async def _offer_what_is_missing(self) -> None:
        if self.caller.publish and self._published is None:
            self._published = await self.peers.publish(self.caller.publish)
        for connection, publisher in list(self._streams.items()) if self.caller.subscribe else []:
            if connection not in self._subscribed:
                self._subscribed[connection] = await self.peers.subscribe(publisher)


@asynccontextmanager
async def in_call(callplane: AsyncCallplane, session_id: str, caller: Caller) -> AsyncIterator[InCall]:
    """Be in a call for the block, and leave behind it."""
    began = time.monotonic()
    joined = await callplane.participants.join(session_id, name=caller.name, role=caller.role)  # type: ignore[arg-type]
    seat = callplane.seat(joined)
    async with asyncio.TaskGroup() as tasks, peers(seat, caller.record) as media:
        somebody = InCall(caller, seat, media, seat.messages(), time.monotonic() - began)
        somebody.see(joined.session)
        running = [tasks.create_task(somebody.read()), tasks.create_task(somebody.negotiate())]
        try:
            yield somebody
        finally:
            await media.stop_recording()  # first: leaving may take long, and somebody may not wait for its end
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            await somebody.messages.aclose()
            with suppress(CallplaneError):  # the seat ends by its grace all the same
                await seat.leave()
