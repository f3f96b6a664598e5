"""Make the media server and the streams as the documents say (design 5): the only code that does these things.

Each step is harmless when repeated, and it looks again until what it read has not changed. It runs after each
commit, in a repeated command, at adoption, after a stream was published, replaced or muted, and when a socket came
back to the same process.
"""

from callplane.contracts.commands import Candidate
from callplane.contracts.errors import Trouble
from callplane.contracts.media import MediaRef
from callplane.store.documents import ConnectionDocument, SessionDocument
from wrapper.context import Context
from wrapper.media.port import MEDIA, Gone, Line
from wrapper.pipelines import lost_if_gone

ROUNDS = 10


async def settle(connection_id: str, context: Context) -> None:
    """Settle one connection. Raises Trouble, which leaves the chore or the command to be tried again."""
    for _ in range(ROUNDS):
        connection = await context.store.connections.find(connection_id)
        if connection is None or connection.state == "negotiating":
            return
        if connection.state == "released":
            await _clear(connection, context)
            return
        session = await context.store.sessions.find(connection.session_id)
        if session is None or connection.epoch != session.epoch:
            return  # its epoch's sweep releases it
        source = await _source(connection, session, context)
        try:
            await _make_so(connection, session, source, context)
        except Gone:
            await _mourn([connection] if source is None else [connection, source], session, context)
            continue
        if await _unchanged(connection, session, source, context):
            return
    raise Trouble(f"connection {connection_id} does not come to rest")


async def _make_so(
    connection: ConnectionDocument, session: SessionDocument, source: ConnectionDocument | None, context: Context
) -> None:
    endpoint = _endpoint(connection)
    await context.media.gather(endpoint)
    for candidate in connection.candidates:
        await context.media.add_candidate(endpoint, Candidate.model_validate(candidate))
    if source is None:
        return
    muted = _muted(source, session)
    for medium in MEDIA:
        await context.media.connect(_endpoint(source), endpoint, medium, on=medium not in muted)


async def _source(
    connection: ConnectionDocument, session: SessionDocument, context: Context
) -> ConnectionDocument | None:
    """The ready connection that a subscription receives; None for a publisher, or while nothing is published."""
    if connection.kind != "subscribe" or connection.publisher is None:
        return None
    streams = session.streams_of(connection.publisher)
    wanted = [s for s in streams if connection.stream in (None, s.connection_id)]
    if not wanted:
        return None
    source = await context.store.connections.find(wanted[0].connection_id)
    return source if source is not None and source.state == "ready" and source.epoch == connection.epoch else None


async def _unchanged(
    connection: ConnectionDocument, session: SessionDocument, source: ConnectionDocument | None, context: Context
) -> bool:
    now = await context.store.connections.find(connection.id)
    if now is None or (now.state, now.endpoint, now.candidates) != (
        connection.state,
        connection.endpoint,
        connection.candidates,
    ):
        return False
    if connection.kind != "subscribe":
        return True
    later = await context.store.sessions.find(session.id)
    if later is None:
        return False
    other = await _source(connection, later, context)
    if source is None or other is None:
        return source is other
    return other.endpoint == source.endpoint and _muted(other, later) == _muted(source, session)


async def _clear(connection: ConnectionDocument, context: Context) -> None:
    """Released: its stream goes, and every child of the pipeline that was made for it."""
    session = await context.store.sessions.find(connection.session_id)
    if session is None or connection.epoch != session.epoch:
        return  # its streams ended with its epoch, and its pipeline is released as a whole, with every child
    reason = connection.reason or "stopped"
    unpublish = context.store.media.unpublish
    context.aftermath.owes(await unpublish(connection.session_id, connection.participant_id, connection.id, reason))
    if session.media is None:
        return
    if connection.endpoint is not None:
        await context.media.release(connection.endpoint)
    if connection.claims > 1 or (connection.claims == 1 and connection.endpoint is None):
        await context.media.release_tagged(session.media, connection.id)


async def _mourn(connections: list[ConnectionDocument], session: SessionDocument, context: Context) -> None:
    """An object was not there: the pipeline's loss is the epoch's; an endpoint's alone ends its connection."""
    if await lost_if_gone(session, context):
        return
    for connection in connections:
        if connection.endpoint is not None and not await context.media.exists(connection.endpoint):
            where = {"_id": connection.id, "endpoint": connection.endpoint}
            context.aftermath.owes(await context.store.connections.release(where, "failed"))


def _endpoint(connection: ConnectionDocument) -> MediaRef:
    if connection.endpoint is None:
        raise Trouble(f"connection {connection.id} is ready without an endpoint")
    return connection.endpoint


def _muted(source: ConnectionDocument, session: SessionDocument) -> frozenset[str]:
    seat = session.seat(source.participant_id)
    if seat is None:
        return frozenset(MEDIA)
    return frozenset(m for m, on in (("AUDIO", seat.muted.audio), ("VIDEO", seat.muted.video)) if on)


def line_of(connection: ConnectionDocument) -> Line:
    """Where this connection's events go."""
    return Line(
        session_id=connection.session_id,
        participant_id=connection.participant_id,
        connection_id=connection.id,
        epoch=connection.epoch,
        claim=connection.claims,
    )
