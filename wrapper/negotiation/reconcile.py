"""Reconciliation: makes media server and streams as the documents say (design 5); the only code that does these things.

The full pass: it gathers, feeds each candidate, connects, tears down. It runs in a repeated command, at adoption, and
when a socket came back to the same process. What happens between is done by itself: what was committed a moment ago is
begun by what its command has read, new candidates are fed by their command, and viewers are connected anew
(``Viewers``) after a stream was published, replaced or muted.

Only what differs is touched: a real Kurento that is told to connect what is connected takes it apart first, and the
viewer's picture stands still until the publisher has sent a key frame (protocol 9.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from callplane.contracts.commands import Candidate
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId, ParticipantId
from callplane.contracts.media import MediaRef
from callplane.store.documents import ConnectionDocument, SessionDocument
from wrapper.context import Context
from wrapper.media.port import MEDIA, EndpointOwner, Gone, Medium
from wrapper.negotiation.pipeline import lost_if_gone

ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Feed:
    """What one viewer's endpoint gets: these media of that source, or nothing that anybody could connect."""

    sink: MediaRef
    source: MediaRef | None = None
    media: frozenset[Medium] = frozenset()


async def reconcile(connection_id: ConnectionId, context: Context, known: ConnectionDocument | None = None) -> None:
    """Reconcile one connection, ``known`` from a moment ago; looks again until what it read has not changed.

    Raises Trouble, which leaves the chore or the command to be tried again.
    """
    made: Feed | None = None
    for _ in range(ROUNDS):
        connection, known = known or await context.store.connections.find(connection_id), None
        if connection is None or connection.state == "negotiating":
            return
        if connection.state == "released":
            await _tear_down(connection, context)
            return
        if made is not None and connection.kind == "publish":
            return  # nothing feeds it, and it has one endpoint for good
        session = await _session_of(connection, context)
        if session is None or connection.epoch != session.epoch:
            return  # its epoch's sweep releases it
        source = await _source(connection, session, context)
        feed = feed_of(connection, session, source)
        if feed == made:
            return
        try:
            if made is None:
                await _begin(connection, context)
            await apply(feed, context)
        except Gone:
            await on_missing([connection] if source is None else [connection, source], session, context)
        else:
            made = feed
    raise Trouble(f"connection {connection_id} does not come to rest")


async def reconcile_new(
    connection: ConnectionDocument, session: SessionDocument, source: ConnectionDocument | None, context: Context
) -> None:
    """Reconcile what was committed here a moment ago, by a session and a source that were read for its command.

    The one look afterwards says whether they are so still. What changes later finds the connection ready: whoever
    changes it reads the subscriptions then. Raises Trouble.
    """
    feed = feed_of(connection, session, source)
    try:
        await _begin(connection, context, feed)
    except Gone:
        await reconcile(connection.id, context)  # which says what is gone
        return
    if connection.kind == "publish":
        return  # nothing feeds it
    now = await _session_of(connection, context)
    if now is None or now.epoch != connection.epoch:
        return  # its epoch's sweep releases it
    if _shown(connection, now) != _shown(connection, session):
        await reconcile(connection.id, context)


async def _begin(connection: ConnectionDocument, context: Context, feed: Feed | None = None) -> None:
    """Gather, and feed what the client has sent: whatever comes later is fed by its own command.

    An endpoint that nobody else has known is connected with that, for there is nothing that could be connected yet.
    """
    endpoint = _endpoint_of(connection)
    if feed is None or feed.source is None or not feed.media:
        await context.media.gather(endpoint)
    else:
        media = [medium for medium in MEDIA if medium in feed.media]
        await context.media.gather_connected(endpoint, feed.source, media)
    for candidate in connection.candidates:
        await context.media.add_candidate(endpoint, Candidate.model_validate(candidate))


async def _source(
    connection: ConnectionDocument, session: SessionDocument, context: Context
) -> ConnectionDocument | None:
    """The connection that a subscription receives; None for a publisher, or while nothing is published."""
    stream = stream_of(connection, session)
    return None if stream is None else await context.store.connections.find(stream)


async def _session_of(connection: ConnectionDocument, context: Context) -> SessionDocument | None:
    """Its session, with the seat whose streams and muting decide what the connection carries."""
    return await context.store.sessions.with_seats(
        connection.session_id, connection.publisher or connection.participant_id
    )


async def _tear_down(connection: ConnectionDocument, context: Context) -> None:
    """Released: its stream goes, and every child of the pipeline that was made for it."""
    session = await _session_of(connection, context)
    if session is None or _is_over(connection, session):
        return  # its streams ended with its epoch, and its pipeline is released as a whole, with every child
    reason = connection.reason or "stopped"
    unpublish = context.store.media.unpublish
    context.follow_ups.schedule(
        await unpublish(connection.session_id, connection.participant_id, connection.id, reason)
    )
    await release_parts([connection], session, context)


async def release_parts(connections: Iterable[ConnectionDocument], session: SessionDocument, context: Context) -> None:
    """Release what a pipeline has of released connections, unless their epoch is over, and with it all of that."""
    if session.media is None:
        return
    present = [connection for connection in connections if not _is_over(connection, session)]
    await context.media.release(*(one.endpoint for one in present if one.endpoint is not None))
    for one in present:
        if one.claims > 1 or (one.claims == 1 and one.endpoint is None):
            await context.media.release_tagged(session.media, one.id)


def _is_over(connection: ConnectionDocument, session: SessionDocument) -> bool:
    """Whether its epoch is; one that was claimed when it was offered names none, but may have an endpoint by now."""
    return connection.epoch not in (0, session.epoch)


def stream_of(viewer: ConnectionDocument, session: SessionDocument) -> ConnectionId | None:
    """The connection whose stream a subscription receives: the one that it names, or its publisher's oldest."""
    if viewer.kind != "subscribe" or viewer.publisher is None:
        return None
    streams = (stream.connection_id for stream in session.streams_of(viewer.publisher))
    return next((stream for stream in streams if viewer.stream in (None, stream)), None)


def feed_of(viewer: ConnectionDocument, session: SessionDocument, source: ConnectionDocument | None) -> Feed:
    """What a ready viewer gets of that connection; nothing while it is not ready, or of another epoch."""
    sink = _endpoint_of(viewer)
    if source is None or source.state != "ready" or source.epoch != viewer.epoch:
        return Feed(sink)
    return Feed(sink, _endpoint_of(source), frozenset(MEDIA) - _muted(source.participant_id, session))


def _shown(viewer: ConnectionDocument, session: SessionDocument) -> tuple[ConnectionId | None, frozenset[Medium]]:
    """What a session says of how a viewer is fed: by which stream, and what of it is muted."""
    stream = stream_of(viewer, session)
    if stream is None or viewer.publisher is None:
        return None, frozenset()
    return stream, _muted(viewer.publisher, session)


async def apply(feed: Feed, context: Context) -> None:
    """Connect and disconnect what is not so yet. Where nothing is published nothing is taken apart: it goes itself."""
    if feed.source is None:
        return
    unwanted = [medium for medium in MEDIA if medium not in feed.media]
    now = await context.media.sources(feed.sink, feed.source, unwanted)
    missing = [medium for medium in MEDIA if medium in feed.media and now.get(medium) != feed.source.id]
    if missing:
        await context.media.connect(feed.source, feed.sink, missing, on=True)
    for medium in [medium for medium in unwanted if medium in now]:  # what another source still feeds it
        await context.media.connect(MediaRef(feed.sink.server, now[medium]), feed.sink, [medium], on=False)


async def on_missing(connections: list[ConnectionDocument], session: SessionDocument, context: Context) -> None:
    """An object was not there: the pipeline's loss is the epoch's; an endpoint's alone ends its connection."""
    if await lost_if_gone(session, context):
        return
    for connection in connections:
        if connection.endpoint is not None and not await context.media.exists(connection.endpoint):
            released = await context.store.connections.release_endpointless(connection.id, connection.endpoint)
            context.follow_ups.schedule(released)


def _endpoint_of(connection: ConnectionDocument) -> MediaRef:
    """The endpoint of a ready connection."""
    if connection.endpoint is None:
        raise Trouble(f"connection {connection.id} is ready without an endpoint")
    return connection.endpoint


def _muted(publisher: ParticipantId, session: SessionDocument) -> frozenset[Medium]:
    seat = session.seat(publisher)
    if seat is None:
        return frozenset(MEDIA)
    found: tuple[tuple[Medium, bool], ...] = (("AUDIO", seat.muted.audio), ("VIDEO", seat.muted.video))
    return frozenset(medium for medium, on in found if on)


def owner_of(connection: ConnectionDocument) -> EndpointOwner:
    """Where this connection's events go."""
    return EndpointOwner(
        session_id=connection.session_id,
        participant_id=connection.participant_id,
        connection_id=connection.id,
        epoch=connection.epoch,
        claim=connection.claims,
    )
