"""Element connections: makes each endpoint be fed as the documents say (design 5).

Only what differs is touched: a real Kurento that is told to connect what is connected takes it apart first, and the
viewer's picture stands still until the publisher has sent a key frame (protocol 9.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.store.documents import ConnectionDocument, SessionDocument
from wrapper.context import Context
from wrapper.media.port import MEDIA, Gone, Medium
from wrapper.negotiation.pipeline import lost_if_gone

ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Feed:
    """What one viewer's endpoint gets: these media of that source, or nothing that anybody could connect."""

    sink: MediaRef
    source: MediaRef | None = None
    media: frozenset[Medium] = frozenset()


def stream_of(viewer: ConnectionDocument, session: SessionDocument) -> ConnectionId | None:
    """The connection whose stream a subscription receives: the one that it names, or its publisher's oldest."""
    if viewer.kind != "subscribe" or viewer.publisher is None:
        return None
    streams = (stream.connection_id for stream in session.streams_of(viewer.publisher))
    return next((stream for stream in streams if viewer.stream in (None, stream)), None)


def feed_of(viewer: ConnectionDocument, session: SessionDocument, source: ConnectionDocument | None) -> Feed:
    """What a ready viewer gets of that connection; nothing while it is not ready, or of another epoch."""
    sink = endpoint_of(viewer)
    if source is None or source.state != "ready" or source.epoch != viewer.epoch:
        return Feed(sink)
    return Feed(sink, endpoint_of(source), frozenset(MEDIA) - _muted(source, session))


async def apply(feed: Feed, context: Context) -> None:
    """Connect and disconnect what is not so yet. Where nothing is published nothing is taken apart: it goes itself."""
    if feed.source is None:
        return
    now = await context.media.sources(feed.sink)
    missing = [medium for medium in MEDIA if medium in feed.media and now.get(medium) != feed.source.id]
    if missing:
        await context.media.connect(feed.source, feed.sink, missing, on=True)
    for medium in [medium for medium in MEDIA if medium not in feed.media and medium in now]:
        await context.media.connect(MediaRef(feed.sink.server, now[medium]), feed.sink, [medium], on=False)


class Viewers:
    """All subscriptions to one participant; what is read for them does not grow with their number."""

    def __init__(self, session_id: SessionId, publisher: ParticipantId, context: Context) -> None:
        self._session_id = session_id
        self._publisher = publisher
        self._context = context
        self._applied: dict[str, Feed] = {}
        """Viewer's connection → what it was last fed."""

    async def reconcile(self) -> None:
        """Feed each of them, and look again until nothing has changed. Raises Trouble."""
        for _ in range(ROUNDS):
            found = await self._read()
            if not found:
                return
            await for_each(self._apply, found)
        raise Trouble(f"the viewers of {self._publisher} do not come to rest")

    async def _read(self) -> list["Viewer"]:
        """Those for whom it is to be made otherwise than in the last round."""
        connections, sessions = self._context.store.connections, self._context.store.sessions
        viewers = await connections.subscribed_to(self._session_id, self._publisher)
        session = await sessions.find(self._session_id) if viewers else None
        if session is None or not session.streams_of(self._publisher):
            return []  # what fed them goes itself
        own = await connections.published_by(self._session_id, self._publisher)
        published = {connection.id: connection for connection in own}
        present = [Viewer.of(v, session, published) for v in viewers if v.epoch == session.epoch]
        return [viewer for viewer in present if self._applied.get(viewer.connection.id) != viewer.feed]

    async def _apply(self, viewer: "Viewer") -> None:
        try:
            await apply(viewer.feed, self._context)
        except Gone:
            gone = [viewer.connection, *([] if viewer.source is None else [viewer.source])]
            await on_missing(gone, viewer.session, self._context)
        else:
            self._applied[viewer.connection.id] = viewer.feed


@dataclass(frozen=True, slots=True)
class Viewer:
    """One subscription, what feeds it, and the session in which that was read."""

    connection: ConnectionDocument
    session: SessionDocument
    source: ConnectionDocument | None
    feed: Feed

    @classmethod
    def of(
        cls,
        connection: ConnectionDocument,
        session: SessionDocument,
        published: Mapping[ConnectionId, ConnectionDocument],
    ) -> "Viewer":
        """As the documents say."""
        stream = stream_of(connection, session)
        source = None if stream is None else published.get(stream)
        return cls(connection, session, source, feed_of(connection, session, source))


async def on_missing(connections: list[ConnectionDocument], session: SessionDocument, context: Context) -> None:
    """An object was not there: the pipeline's loss is the epoch's; an endpoint's alone ends its connection."""
    if await lost_if_gone(session, context):
        return
    for connection in connections:
        if connection.endpoint is not None and not await context.media.exists(connection.endpoint):
            released = await context.store.connections.release_endpointless(connection.id, connection.endpoint)
            context.follow_ups.schedule(released)


def endpoint_of(connection: ConnectionDocument) -> MediaRef:
    """The endpoint of a ready connection."""
    if connection.endpoint is None:
        raise Trouble(f"connection {connection.id} is ready without an endpoint")
    return connection.endpoint


def _muted(source: ConnectionDocument, session: SessionDocument) -> frozenset[Medium]:
    seat = session.seat(source.participant_id)
    if seat is None:
        return frozenset(MEDIA)
    found: tuple[tuple[Medium, bool], ...] = (("AUDIO", seat.muted.audio), ("VIDEO", seat.muted.video))
    return frozenset(medium for medium, on in found if on)
