"""Viewers: feeds everybody who watches a participant whose streams, or their muting, have changed (design 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, ParticipantId
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.shown_streams import ShownStreams
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.reconcile import ROUNDS, Feed, apply, feed_of, on_missing, stream_of


class Viewers:
    """All subscriptions to one participant; what is read for them does not grow with their number."""

    def __init__(self, publisher: ParticipantId, context: Context) -> None:
        self._publisher = publisher
        self._context = context
        self._applied: dict[str, Feed] = {}
        """Viewer's connection → what it was last fed."""

    async def feed(self, session: SessionDocument) -> ShownStreams | None:
        """Feed each of them as this session says, which is none of before the change; that it is all done as long as
        the session shows this. None: whatever it shows by now. Raises Trouble.
        """
        viewers = await self._read(session) if session.streams_of(self._publisher) else []
        await for_each(self._apply, viewers)
        if all(map(self._is_fed, viewers)) and (not viewers or session.seat(self._publisher) is not None):
            return self._shown(session) if viewers else None
        await self.reconcile(session)  # an endpoint is gone
        return None

    async def reconcile(self, session: SessionDocument) -> None:
        """Feed each of them as this session says, which is none of before the change; look until it says the same.

        Who is ready later than the subscriptions are read looks at the session after that itself. Raises Trouble.
        """
        for _ in range(ROUNDS):
            if not session.streams_of(self._publisher):
                return  # what fed them goes itself
            viewers = await self._read(session)
            if not viewers:
                return
            await for_each(self._apply, [viewer for viewer in viewers if not self._is_fed(viewer)])
            now = await self._context.store.sessions.with_seats(session.id, self._publisher)
            if now is None or (self._shown(now) == self._shown(session) and all(map(self._is_fed, viewers))):
                return
            session = now
        raise Trouble(f"the viewers of {self._publisher} do not come to rest")

    async def _read(self, session: SessionDocument) -> list["Viewer"]:
        """All of this epoch, with what feeds them."""
        found = await self._context.store.connections.published_and_subscribed(session.id, self._publisher)
        published = {connection.id: connection for connection in found if connection.kind == "publish"}
        viewers = [connection for connection in found if connection.publisher == self._publisher]
        return [Viewer.of(viewer, session, published) for viewer in viewers if viewer.epoch == session.epoch]

    def _is_fed(self, viewer: "Viewer") -> bool:
        return self._applied.get(viewer.connection.id) == viewer.feed

    def _shown(self, session: SessionDocument) -> ShownStreams:
        return ShownStreams.of(session, self._publisher)

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
