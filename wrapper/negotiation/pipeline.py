"""Pipeline of a session: raced for, not claimed; whoever loses releases its own (design 5)."""

from callplane.contracts.errors import Trouble
from callplane.contracts.refusals.connections import no_media_server
from callplane.store.documents import SessionDocument
from wrapper.context import Context
from wrapper.media.port import Unreached


async def pipeline_of(session: SessionDocument, context: Context) -> SessionDocument:
    """The session as it is once its present epoch has a pipeline.

    Raises Refusal ``unavailable`` when no media server is up (the chore *place* stays), Trouble when the race was
    lost to a change of epoch or the server is not reached from here: the command is tried again. Unreached leaves it
    to those who reach a server that this wrapper does not (yet).
    """
    if session.media is not None:
        return session
    reserved = await context.store.servers.reserve(session.server, context.media.reached())
    if reserved is None:
        elsewhere = await context.store.servers.find_available()
        if elsewhere is not None:
            raise Unreached(elsewhere)
        await context.store.sessions.schedule_placement(session.id)
        raise no_media_server()
    server, why = reserved
    try:
        media = await context.media.create_pipeline(server.name, session.id, session.epoch)
    except BaseException:
        await context.store.servers.unreserve(server.name)
        raise
    change = await context.store.media.place(session.id, session.epoch, media, server.server_id or "", why)
    if change is not None:
        context.metrics.placed(change.document)
        context.follow_ups.schedule(change)
        return change.document
    await context.media.release(media)
    await context.store.servers.unreserve(server.name)
    fresh = await context.store.sessions.find(session.id)
    if fresh is None or fresh.media is None or fresh.epoch != session.epoch:
        raise Trouble("the session changed while its pipeline was made")
    return fresh


async def lost_if_gone(session: SessionDocument, context: Context) -> bool:
    """Ask for the pipeline; when it is gone its epoch is over, said once whoever else noticed (design 7.1)."""
    if session.media is None or await context.media.exists(session.media):
        return False
    context.follow_ups.schedule(await context.store.media.lose(session, "pipeline-lost"))
    return True
