"""Reconciliation: makes media server and streams as the documents say (design 5); the only code that does these things.

The full pass: it gathers, feeds every candidate, connects and clears. It runs after each commit, in a repeated command,
at adoption, and when a socket came back to the same process. What happens between is done by itself: new candidates
are fed by their command, and viewers are connected anew (``Viewers``) after a stream was published, replaced or muted.
"""

from callplane.contracts.commands import Candidate
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ConnectionId
from callplane.store.documents import ConnectionDocument, SessionDocument
from wrapper.context import Context
from wrapper.media.port import EndpointOwner, Gone
from wrapper.negotiation.element_connections import ROUNDS, Feed, apply, endpoint_of, feed_of, on_missing, stream_of


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
        session = await context.store.sessions.find(connection.session_id)
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


async def _begin(connection: ConnectionDocument, context: Context) -> None:
    """Gather, and feed what the client has sent: whatever comes later is fed by its own command."""
    endpoint = endpoint_of(connection)
    await context.media.gather(endpoint)
    for candidate in connection.candidates:
        await context.media.add_candidate(endpoint, Candidate.model_validate(candidate))


async def _source(
    connection: ConnectionDocument, session: SessionDocument, context: Context
) -> ConnectionDocument | None:
    """The connection that a subscription receives; None for a publisher, or while nothing is published."""
    stream = stream_of(connection, session)
    return None if stream is None else await context.store.connections.find(stream)


async def _tear_down(connection: ConnectionDocument, context: Context) -> None:
    """Released: its stream goes, and every child of the pipeline that was made for it."""
    session = await context.store.sessions.find(connection.session_id)
    if session is None or connection.epoch != session.epoch:
        return  # its streams ended with its epoch, and its pipeline is released as a whole, with every child
    reason = connection.reason or "stopped"
    unpublish = context.store.media.unpublish
    context.follow_ups.schedule(
        await unpublish(connection.session_id, connection.participant_id, connection.id, reason)
    )
    if session.media is None:
        return
    if connection.endpoint is not None:
        await context.media.release(connection.endpoint)
    if connection.claims > 1 or (connection.claims == 1 and connection.endpoint is None):
        await context.media.release_tagged(session.media, connection.id)


def owner_of(connection: ConnectionDocument) -> EndpointOwner:
    """Where this connection's events go."""
    return EndpointOwner(
        session_id=connection.session_id,
        participant_id=connection.participant_id,
        connection_id=connection.id,
        epoch=connection.epoch,
        claim=connection.claims,
    )
