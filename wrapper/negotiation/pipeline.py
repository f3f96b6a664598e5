"""Pipeline of a session: raced for, not claimed; whoever loses releases its own (design 5)."""

from callplane.contracts.errors import Refusal, Trouble
from callplane.contracts.media import MediaRef
from callplane.contracts.refusals.connections import no_media_server
from callplane.store.documents import SessionDocument
from callplane.store.placements import Candidate
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
    server, why, media = await _made(session, context)
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


async def _made(session: SessionDocument, context: Context) -> tuple[Candidate, str, MediaRef]:
    """A pipeline on the media server that is chosen for it; where that makes none, on another one."""
    failed: dict[str, Trouble] = {}
    while True:
        reserved = await context.store.servers.reserve(session.server, context.media.reached() - failed.keys())
        if reserved is None:
            raise next(iter(failed.values()), None) or await _none_for(session, context)
        server, why = reserved
        try:
            return server, why, await context.media.create_pipeline(server.name, session.id, session.epoch)
        except Trouble as trouble:
            await context.store.servers.unreserve(server.name)
            failed[server.name] = trouble
            if not isinstance(trouble, Unreached):  # which the pool knows by itself
                await context.store.servers.avoid(server.name)
        except BaseException:
            await context.store.servers.unreserve(server.name)
            raise


async def _none_for(session: SessionDocument, context: Context) -> Unreached | Refusal:
    """Why there is no media server for a session that could be asked here."""
    elsewhere = await context.store.servers.find_available()
    if elsewhere is not None:
        return Unreached(elsewhere)
    await context.store.sessions.schedule_placement(session.id)
    return no_media_server()


async def lost_if_gone(session: SessionDocument, context: Context) -> bool:
    """Ask for the pipeline; when it is gone its epoch is over, said once whoever else noticed (design 7.1)."""
    if session.media is None or await context.media.exists(session.media):
        return False
    context.follow_ups.schedule(await context.store.media.lose(session, "pipeline-lost"))
    return True
