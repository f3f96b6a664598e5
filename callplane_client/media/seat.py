"""Seat with media: keeps up with its messages, sends and receives through every loss, and leaves nothing behind."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, Unpack

from aiortc import MediaStreamTrack

from callplane_client.aio.messages import Transport
from callplane_client.aio.seat import AsyncSeat
from callplane_client.errors import CallplaneError, Refused
from callplane_client.fields import Kind, SignalFields, Source
from callplane_client.media.connection import MediaConnection
from callplane_client.media.emitter import Emitter
from callplane_client.media.endings import to_its_end
from callplane_client.media.latest import Latest
from callplane_client.media.plans import Signalling
from callplane_client.media.publications import Player, Publication, Publications, tracks_in
from callplane_client.media.roster import Roster
from callplane_client.media.streams import Received, RemoteStream, Streams, Told
from callplane_client.media.turn import refreshing
from callplane_client.shapes import Message, Muted, Participant, Session

State = Literal["connected", "reconnecting", "left", "closed"]
LEAVE_SECONDS = 10.0
"""The seat ends by its grace all the same."""
AGAIN_SECONDS = 1.0
UNREAD = 1000
"""Messages that wait for a reader."""


class MediaSeat(Emitter):
    """One seat in a call. It outlives lost lines and lost media servers by itself.

    Events, for ``on``: ``state``, ``error``, ``retrying`` (an offer that is made again), ``received`` (an endpoint by
    which a stream is received), and each message under its type.
    """

    def __init__(
        self, seat: AsyncSeat, tasks: asyncio.TaskGroup, *, auto_subscribe: bool, transport: Transport
    ) -> None:
        super().__init__()
        self.seat = seat
        """What it asks for without media: ``chat``, ``update``, ``raise_hand``, …"""
        self.id = seat.id
        self.session_id = seat.session_id
        self.state: State = "connected"
        self.reason: str | None = None
        """Why it is in its state, where there is a reason."""
        self.messages: Latest[Message] = Latest(UNREAD)
        """Each message once, until the seat is gone; of what nobody takes the last thousand are kept."""
        self._tasks = tasks
        self._roster = Roster(seat.joined.session)
        grants = seat.joined.participant.grants
        self._is_hidden = grants is not None and grants.hidden
        self._over = asyncio.Event()
        self._muted = seat.joined.participant.muted
        """What the seat said last of what is muted."""
        self._muting = 0
        signalling = Signalling(
            seat, tasks, lambda: self._roster.session.epoch, seat.joined.ice_servers, self._troubled
        )
        self._early = signalling.early
        earlier = [one.connection_id for one in self._roster.streams(self.id)]
        self.publications = Publications(signalling, earlier, self._changed, self._say_muted)
        """What is sent, by source."""
        self.streams = Streams(signalling, self._roster, auto_subscribe, Told(self._changed, self._received))
        """What the others send: ``async for stream in seat.streams``, or ``streams.now``."""
        self._mailbox = seat.messages(transport)
        self._mailbox.reached = self._reach
        self._is_reached = True
        """Whether messages are answered for."""
        self._running = [tasks.create_task(self._read()), tasks.create_task(refreshing(signalling))]
        self.streams.settle()

    @property
    def info(self) -> Session:
        """The session's own fields: ``version``, ``epoch``, ``metadata``, …"""
        return self._roster.session

    @property
    def participants(self) -> list[Participant]:
        """Everybody, oneself first."""
        return sorted(self._roster.participants.values(), key=lambda one: one.id != self.id)

    @property
    def is_over(self) -> bool:
        """Whether the seat is gone; ``state`` and ``reason`` say why."""
        return self._over.is_set()

    async def publish(
        self,
        what: MediaStreamTrack | Sequence[MediaStreamTrack] | Player,
        *,
        source: Source = "camera",
        max_kbps: int | None = None,
    ) -> Publication:
        """Send a track, some, or what a player has; back when the server has answered. Raises what refused it.

        A source is one publication: a second takes the place of the first. What is sent at the end is stopped.
        """
        tracks = tracks_in(what)
        if not tracks:
            raise TypeError("there is no track to publish")
        if self.is_over:
            raise Refused(410, {"code": "left", "reason": self.reason})
        return await self.publications.publish(tracks, source, max_kbps)

    async def unpublish(self, source: str | None = None) -> None:
        """Stop one source, or all of them."""
        await self.publications.unpublish(source)

    async def say(self, text: str) -> str:
        """Say it in the chat."""
        return await self.seat.say(text)

    async def signal(self, type_: str, data: Any = None, **fields: Unpack[SignalFields]) -> str:
        """Say something to everybody, or to some."""
        return await self.seat.signal(type_, data, **fields)

    async def mute(self, **media: bool) -> None:
        """Mute or unmute oneself (``audio=True``): at once here, and said to the others."""
        if (camera := self.publications.of("camera")) is not None:
            camera.obey(media)
        await self._say_muted(media)

    def restart(self) -> None:
        """Negotiate all media again."""
        for each in self._connections:
            each.restart()

    async def bytes_received(self) -> int:
        """Of media, by all its connections, those that have ended too."""
        return self.streams.bytes_before + sum([await each.bytes_received() for each in self.streams.connections])

    async def wait_until_over(self) -> None:
        """Wait until the seat is gone."""
        await self._over.wait()

    async def leave(self) -> None:
        """Give the seat back, and end everything here: tasks, sockets, what is sent; again: nothing more."""
        is_over = self.is_over
        self._finish("left", "left")
        await to_its_end(self._left(is_over))

    async def _left(self, is_over: bool) -> None:
        # Beside its media: closing that may take long.
        await asyncio.gather(self._closed(), *(() if is_over else (give_back(self.seat),)))

    async def _closed(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running)
        await asyncio.gather(self.publications.left(), self.streams.left())
        with suppress(CallplaneError):
            await self._mailbox.aclose()
        self.messages.close()

    @property
    def _connections(self) -> list[MediaConnection]:
        return [*(one.connection for one in self.publications), *self.streams.connections]

    async def _read(self) -> None:
        while not self.is_over:
            try:
                async for message in self._mailbox:
                    await self._hear(message)
                    if self.is_over:
                        break
                else:
                    ended = self._mailbox.ended
                    self._finish("left", (ended.reason or ended.code) if ended else None)
            except CallplaneError as trouble:
                self.emit("error", trouble)
                if not trouble.retryable:
                    self._finish("left", getattr(trouble, "code", None))
                await asyncio.sleep(AGAIN_SECONDS)
        await self._mailbox.aclose()

    async def _hear(self, message: Message) -> None:
        try:
            if Roster.counts(message):
                await self._follow(message)
            elif message.type == "resync-required" and message.snapshot is not None:
                self._roster.load(message.snapshot)
                self._settle(message)
            else:
                await self._negotiate(message)
        except Exception as trouble:  # one that cannot be read must not cost the call
            self.emit("error", trouble)
        self.messages.put(message)
        self.emit(message.type, message)

    async def _follow(self, message: Message) -> None:
        if not await self._roster.follow(message, self.seat.session):
            return
        if message.type == "stream-unpublished":
            self.publications.unpublished(message.data["connection_id"], message.data.get("reason"))
        self._settle(message)

    def _settle(self, message: Message) -> None:
        reason = message.data.get("reason")
        me = self._roster.participants.get(self.id)
        if self._roster.session.status == "closed" or (me is None and not self._is_hidden):
            self._finish("closed" if self._roster.session.status == "closed" else "left", reason)
            return
        if me is not None:
            self._obey(me.muted)
        swapped = message.data["participant"]["id"] if message.type == "participant-updated" else None
        ended = message.data["connection_id"] if message.type == "stream-unpublished" else None
        self.streams.settle(swapped=swapped, ended=ended)
        for one in self.publications:
            one.connection.wake()
        self._changed()

    async def _negotiate(self, message: Message) -> None:
        data = message.data
        connection_id = data.get("connection_id") or ""
        connection = next((each for each in self._connections if each.id == connection_id), None)
        match message.type:
            case "ice-candidate" if connection is not None:
                await connection.candidate(data["candidate"])
            case "ice-candidate":
                self._early.keep(connection_id, data["candidate"])
            case "answer":
                for key in (data.get("command_id"), connection_id):
                    self._early.resolve(str(key), data["sdp_answer"])
            case "error":
                problem = data["problem"]
                self._early.resolve(data["command_id"], Refused(int(problem.get("status") or 500), problem))
            case "connection-failed" if connection is not None:
                connection.restart()
            case "connection-state" if connection is not None and data["state"] == "failed":
                connection.restart()

    def _received(self, stream: RemoteStream, connection_id: str, offered_at: float, media: list[str]) -> None:
        self.emit("received", Received(stream, connection_id, offered_at, media))

    def _troubled(self, kind: Kind, error: CallplaneError, is_last: bool) -> None:
        refused = error if isinstance(error, Refused) else None
        if not is_last:
            self.emit("retrying", error)
        elif refused is not None and refused.is_gone:
            self._finish("left", refused.reason or refused.code)
        elif kind == "publish" or refused is None or refused.status != 404:
            # Who is not there any more cannot be received: their ``participant-left`` says the rest.
            self.emit("error", error)

    def _obey(self, said: Muted) -> None:
        """A change counts, but none while our own is under way: it may be older. Nobody else unmutes what is sent."""
        before, self._muted = self._muted, said
        camera = self.publications.of("camera")
        if camera is not None and not self._muting:
            camera.obey({k: True for k in ("audio", "video") if getattr(said, k) and not getattr(before, k)})

    async def _say_muted(self, muted: dict[str, bool]) -> None:
        self._muting += 1
        try:
            await self.seat.mute(**muted)
        finally:
            self._muting -= 1

    def _reach(self, yes: bool) -> None:
        self._is_reached = yes
        self._changed()

    def _changed(self) -> None:
        lost = [each.cause for each in self._connections if each.state == "reconnecting"]
        if not self._is_reached:
            self._become("reconnecting", "unreachable")
        elif lost:
            self._become("reconnecting", "media-lost" if "media-lost" in lost else "connection-failed")
        else:
            self._become("connected", None)

    def _finish(self, state: State, reason: str | None) -> None:
        """The seat is gone; who runs it closes the rest."""
        self._become(state, reason)
        for each in self._connections:
            each.close(tell=False)
        self._over.set()
        self.messages.close()

    def _become(self, state: State, reason: str | None) -> None:
        if self.is_over or (state, reason) == (self.state, self.reason):
            return
        previous, self.state, self.reason = self.state, state, reason
        self.emit("state", {"state": state, "reason": reason, "previous": previous})


async def give_back(seat: AsyncSeat) -> None:
    """Leave, unless nobody hears it."""
    with suppress(CallplaneError, TimeoutError):  # the seat ends by its grace all the same
        async with asyncio.timeout(LEAVE_SECONDS):
            await seat.leave()
