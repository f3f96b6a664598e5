"""Publications of a seat: one a source, until it is stopped, replaced, refused or gives nothing more."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, Protocol

from aiortc import MediaStreamTrack

from callplane_client.fields import Offer, Source
from callplane_client.media.connection import MediaConnection, State
from callplane_client.media.peer import Peer
from callplane_client.media.plans import Plan, Signalling
from callplane_client.media.tracks import Feed, Outgoing

End = Literal["stopped", "replaced", "refused", "removed", "track-ended", "left"]
"""``removed``: by a moderator or the application, or the seat may not send it any more."""
Mute = Callable[[dict[str, bool]], Awaitable[None]]


class Player(Protocol):
    """What has a picture, a sound or both, as aiortc's ``MediaPlayer``."""

    @property
    def audio(self) -> Any:
        """Its sound."""

    @property
    def video(self) -> Any:
        """Its picture."""


class Publication:
    """One source that is sent."""

    def __init__(self, source: str, outgoing: Sequence[Outgoing], stop: "Stop") -> None:
        self.source = source
        self.outgoing = {each.kind: each for each in outgoing}
        """What is sent, by kind."""
        self.connection: MediaConnection
        self.ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        """Done when nothing is sent any more, with the reason."""
        self._stop = stop
        self._mute: Mute | None = None

    @property
    def connection_id(self) -> str | None:
        """Of the present endpoint; another after each loss."""
        return self.connection.id

    @property
    def media(self) -> list[str]:
        """The kinds that the server takes."""
        return self.connection.sends

    @property
    def state(self) -> State:
        """``connecting``, ``connected``, ``reconnecting`` or ``closed``."""
        return self.connection.state

    async def mute(self, muted: bool = True, **each: bool) -> None:
        """Send blackness and silence, or what there is again; with ``audio`` or ``video`` only what is named.

        Of the camera it is said to the others, of other sources it is done.
        """
        said = each or dict.fromkeys(self.outgoing, muted)
        self.obey(said)
        if self._mute is not None:
            await self._mute(said)

    async def replace_track(self, track: MediaStreamTrack) -> None:
        """Send another track of its kind in the place of the present one; nothing is negotiated anew."""
        if track.kind not in self.outgoing:
            raise TypeError(f"no {track.kind} is sent that it could take the place of")
        self.outgoing[track.kind].replace(track)

    async def stop(self) -> None:
        """Send it no more; its tracks stay as they are."""
        await self._stop(self, "stopped")

    def obey(self, muted: dict[str, bool]) -> None:
        """Mute what is sent, and tell nobody."""
        for kind, each in self.outgoing.items():
            each.muted = muted.get(kind, each.muted)

    def told_by(self, mute: Mute) -> None:
        """Have the others told when it is muted."""
        self._mute = mute


Stop = Callable[[Publication, End], Awaitable[None]]


class Publications:
    """Those of a seat, by source."""

    def __init__(self, signalling: Signalling, earlier: Sequence[str], changed: Callable[[], None], mute: Mute) -> None:
        self._signalling = signalling
        self._earlier = list(earlier)
        """What an earlier life of the seat has left."""
        self._changed = changed
        self._mute = mute
        self._all: dict[str, Publication] = {}

    def __iter__(self) -> Iterator[Publication]:
        return iter(list(self._all.values()))

    def of(self, source: str) -> Publication | None:
        """What is sent of a source."""
        return self._all.get(source)

    async def publish(self, tracks: Sequence[MediaStreamTrack], source: Source, max_kbps: int | None) -> Publication:
        """Send them; a second publication of a source takes the place of the first. Raises what refused it."""
        made = self._made(tracks, source, max_kbps)
        former, self._all[source] = self.of(source), made
        if former is not None:
            await self._end(former, "replaced")
        if self.of(source) is made:
            made.connection.start()
            await asyncio.shield(made.connection.answered)
        if made.connection.error is not None:
            await self._end(made, "refused")
            raise made.connection.error
        return made

    def _made(self, tracks: Sequence[MediaStreamTrack], source: Source, max_kbps: int | None) -> Publication:
        outgoing = [Outgoing(track, self._signalling.tasks, lambda: self._track_ended(made)) for track in tracks]
        made = Publication(source, outgoing, self._end)
        said: Offer = {} if source == "camera" else {"source": source}

        def fill(peer: Peer) -> None:
            for each in outgoing:
                peer.send(Feed(each), max_kbps)

        plan = Plan("publish", lambda: said, fill, partial(self._heard, made))
        made.connection = MediaConnection(self._signalling, plan, self._earlier.pop(0) if self._earlier else None)
        if source == "camera":
            made.told_by(self._mute)
        return made

    async def unpublish(self, source: str | None = None) -> None:
        """Stop one, or all of them."""
        for one in [each for each in self if source in (None, each.source)]:
            await self._end(one, "stopped")

    def unpublished(self, connection_id: str, reason: str | None) -> None:
        """The server has ended one of ours: what others took away is not offered again, as what was lost is."""
        if reason in ("removed", "not-allowed"):
            for one in [each for each in self if each.connection_id == connection_id]:
                self._signalling.tasks.create_task(self._end(one, "removed"))

    async def left(self) -> None:
        """The seat is gone, and everything with it; what was sent is stopped."""
        ended, self._all = list(self._all.values()), {}
        for one in ended:
            _settle(one, "left")
            one.connection.close(tell=False)
        for one in ended:
            await one.connection.ended()
            for each in one.outgoing.values():
                each.track.stop()

    def _heard(self, one: Publication) -> None:
        """Its state is another; one that was given up after it had worked is over."""
        if one.connection.state == "closed" and one.connection.error is not None:
            self._forget(one, "refused")
        self._changed()

    def _track_ended(self, one: Publication) -> None:
        if all(each.is_over for each in one.outgoing.values()):
            self._signalling.tasks.create_task(self._end(one, "track-ended"))

    async def _end(self, one: Publication, reason: End) -> None:
        self._forget(one, reason)
        one.connection.close(tell=reason not in ("refused", "removed"))
        await one.connection.ended()

    def _forget(self, one: Publication, reason: End) -> None:
        if self._all.get(one.source) is one:
            del self._all[one.source]
        _settle(one, reason)


def _settle(one: Publication, reason: End) -> None:
    for each in one.outgoing.values():
        each.stop()
    if not one.ended.done():
        one.ended.set_result(reason)


def tracks_in(what: MediaStreamTrack | Sequence[MediaStreamTrack] | Player) -> list[MediaStreamTrack]:
    """The tracks of what is to be sent."""
    if isinstance(what, MediaStreamTrack):
        return [what]
    found = what if isinstance(what, Sequence) else (what.audio, what.video)
    return [each for each in found if each is not None]
