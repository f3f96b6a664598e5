"""Streams of the others, kept as the roster says: each with its tracks, received where it is wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from callplane_client.fields import Offer
from callplane_client.media.connection import MediaConnection
from callplane_client.media.peer import Peer
from callplane_client.media.plans import Plan, Signalling
from callplane_client.media.roster import Roster
from callplane_client.media.tracks import ReceivedTrack

Media = Literal["none", "connecting", "connected", "reconnecting"]


class RemoteStream:
    """What somebody else sends from one source. It is the same when its media is lost and comes back."""

    def __init__(self, participant_id: str, connection_id: str, source: str) -> None:
        self.participant_id = participant_id
        self.connection_id: str | None = connection_id
        """The publisher's connection; None while its media is lost."""
        self.source = source
        self.video = ReceivedTrack("video")
        self.audio = ReceivedTrack("audio")
        self.connection: MediaConnection | None = None
        """By which it is received."""
        self.epoch = 0
        """In which it was told of last."""
        self.moved_from: str | None = None
        """The stream that it was received for, where the server has moved it to another."""
        self._wish: Callable[[bool], None] = lambda _: None

    @property
    def subscribed(self) -> bool:
        """Whether it is to be received."""
        return self.connection is not None

    @property
    def media(self) -> Media:
        """How it is received."""
        if self.connection is None or self.connection.state == "closed":
            return "none"
        return self.connection.state

    @property
    def is_over(self) -> bool:
        """Whether its sender sends it no more."""
        return self.video.readyState != "live"

    def subscribe(self) -> None:
        """Receive it."""
        self._wish(True)

    def unsubscribe(self) -> None:
        """Receive it no more."""
        self._wish(False)

    def by(self, wish: Callable[[bool], None]) -> None:
        """Who does what it is asked for."""
        self._wish = wish


@dataclass(frozen=True)
class Received:
    """An endpoint by which a stream is received, from its answer on; another after each loss."""

    stream: RemoteStream
    connection_id: str
    """Of ours."""
    offered_at: float
    """By ``time.monotonic``."""
    media: list[str]


@dataclass(frozen=True)
class Told:
    """Who is told what of streams."""

    changed: Callable[[], None]
    received: Callable[[RemoteStream, str, float, list[str]], None]
    """An endpoint was answered, as ``Received`` says it."""


class Streams:
    """Those that there are; iterated, also each that comes, until the seat is gone."""

    def __init__(self, signalling: Signalling, roster: Roster, auto: bool, told: Told) -> None:
        self._signalling = signalling
        self._roster = roster
        self._me = signalling.seat.id
        self._auto = auto
        self._told = told
        self._all: list[RemoteStream] = []
        self._ending: set[MediaConnection] = set()
        self._is_over = False
        self._news = asyncio.Event()
        self.bytes_before = 0
        """What connections that have ended have received."""

    @property
    def now(self) -> list[RemoteStream]:
        """Those that there are now."""
        return list(self._all)

    async def __aiter__(self) -> AsyncIterator[RemoteStream]:
        given: list[RemoteStream] = []
        while True:
            news = self._news
            fresh = [one for one in self._all if one not in given]
            given = list(self._all)
            for one in fresh:
                yield one
            if self._is_over:
                return
            await news.wait()

    def settle(self, *, swapped: str | None = None, ended: str | None = None) -> None:
        """Follow the roster. ``swapped``: whose stream was replaced by the server; ``ended``: a stream."""
        wanted = self._wanted()
        for one in self._all:
            if ended is not None and one.moved_from == ended and one.connection is not None:
                one.connection.restart()  # it was not moved, after all
        for one in [each for each in self._all if each.connection_id not in wanted]:
            self._orphaned(one, wanted, swapped == one.participant_id)
        known = {one.connection_id for one in self._all}
        for connection_id, (participant_id, source) in wanted.items():
            if connection_id not in known:
                self._begin(RemoteStream(participant_id, connection_id, source))
        for one in self._all:
            if one.connection_id is not None:
                one.epoch = self._roster.session.epoch
            if one.connection is not None:
                one.connection.wake()

    def of_connection(self, connection_id: str) -> MediaConnection | None:
        """The one of ours that has this id."""
        return next((c for c in self.connections if c.id == connection_id), None)

    @property
    def connections(self) -> list[MediaConnection]:
        """By which streams are received."""
        return [one.connection for one in self._all if one.connection is not None]

    async def left(self) -> None:
        """The seat is gone, and everything with it."""
        self._is_over = True
        for one in self.now:
            self._end(one, tell=False)
        self._tell()
        for each in list(self._ending):
            await each.ended()

    def _wanted(self) -> dict[str, tuple[str, str]]:
        others = [one for one in self._roster.participants.values() if one.id != self._me]
        return {s.connection_id: (one.id, s.source or "camera") for one in others for s in one.streams}

    def _orphaned(self, one: RemoteStream, wanted: dict[str, tuple[str, str]], swapped: bool) -> None:
        """Its stream is gone: whether another took its place."""
        is_lost = one.epoch < self._roster.session.epoch
        known = {each.connection_id for each in self._all}
        like = (one.participant_id, one.source)
        free = [c for c, whose in wanted.items() if c not in known and whose == like]
        if free and (swapped or is_lost):
            one.moved_from = None if is_lost else one.connection_id
            one.connection_id = free[0]
        elif is_lost and one.participant_id in self._roster.participants:
            one.connection_id = None
        else:
            self._end(one)

    def _begin(self, one: RemoteStream) -> None:
        one.by(lambda yes: self._wish(one, yes))
        self._all.append(one)
        if self._auto:
            self._wish(one, True)
        self._tell()

    def _wish(self, one: RemoteStream, yes: bool) -> None:
        if one.is_over or self._is_over:
            return
        if not yes or (one.connection is not None and one.connection.state == "closed"):
            self._drop(one)
        if yes and one.connection is None:
            one.connection = self._connection(one)
            one.connection.start()
        self._told.changed()

    def _connection(self, one: RemoteStream) -> MediaConnection:
        def offer() -> Offer | None:
            if one.connection_id is None:
                return None
            several: Offer = {"stream": one.connection_id} if len(self._roster.streams(one.participant_id)) > 1 else {}
            return {"publisher": one.participant_id, **several}

        def fill(peer: Peer) -> None:
            for kind in ("audio", "video"):
                peer.receive(kind)

        received = {"audio": one.audio, "video": one.video}
        plan = Plan("subscribe", offer, fill, self._told.changed, received, partial(self._told.received, one))
        return MediaConnection(self._signalling, plan)

    def _drop(self, one: RemoteStream, *, tell: bool = True) -> None:
        connection, one.connection = one.connection, None
        if connection is not None:
            self._ending.add(connection)
            connection.close(tell=tell)
            self._signalling.tasks.create_task(self._dropped(connection))

    async def _dropped(self, connection: MediaConnection) -> None:
        await connection.ended()
        self._ending.discard(connection)
        self.bytes_before += await connection.bytes_received()

    def _end(self, one: RemoteStream, *, tell: bool = True) -> None:
        self._all.remove(one)
        self._drop(one, tell=tell)
        one.video.stop()
        one.audio.stop()

    def _tell(self) -> None:
        """Those who iterate look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()
