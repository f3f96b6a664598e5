"""Chores: the pieces of clean-up and repair that a change owes, each idempotent, pulled when done (design 5)."""

from collections.abc import Awaitable, Callable
from typing import Any

from callplane.contracts.ids import ParticipantId
from callplane.store.documents import Chore, ConnectionDocument, SessionDocument
from callplane.store.sessions import DELETED_AFTER
from callplane.store.shown_streams import ShownStreams
from wrapper.context import Context
from wrapper.negotiation.pipeline import pipeline_of
from wrapper.negotiation.reconcile import reconcile, release_parts
from wrapper.negotiation.viewers import Viewers

Done = bool | ShownStreams
"""False: its time has not come. What a session shows: it is done as long as the session shows that."""

CLOCKS_APART = 0.5
"""Seconds by which what two wrappers know of the database's time is apart at most: each asks it each second."""

SessionChore = Callable[[SessionDocument, dict[str, Any], Context], Awaitable[Done]]


async def sweep_connections(session: SessionDocument, args: dict[str, Any], context: Context) -> bool:
    """Release the connections of a seat, of older epochs, or of the whole session; handlers at work start again.

    The loss, the close and the leaving have told of them all, so none is told by itself.
    """
    connections = context.store.connections
    if "epoch" in args:
        await connections.end_epoch(session.id, args["epoch"])
    elif "participant_id" in args:
        # Also those of an attempt that died before their endpoints were released: this chore stays until they are.
        swept = await connections.release_of_seat(session.id, ParticipantId(args["participant_id"]))
        await release_parts(swept, session, context)
    else:
        await connections.release_all(session.id)
    return True


async def end_mailbox(session: SessionDocument, args: dict[str, Any], context: Context) -> bool:
    """End the attachment with its reason first, so that whoever finds the queue gone can read why; then delete it."""
    await context.store.attachments.end_with_seat(args["participant_id"], args["reason"])
    if session.engine == "queues":
        await context.topology.delete_mailbox(ParticipantId(args["participant_id"]))
    return True


async def reconcile_streams(session: SessionDocument, args: dict[str, Any], context: Context) -> Done:
    """Feed every subscription to a participant whose streams, or their muting, have changed.

    The look at the session afterwards is that of the update which takes this chore out.
    """
    return await Viewers(args["participant_id"], context).feed(session) or True


async def reconcile_streams_anew(session: SessionDocument, args: dict[str, Any], context: Context) -> bool:
    """The same, and look at the session until it says what was done: it has changed meanwhile."""
    now = await context.store.sessions.with_seats(session.id, args["participant_id"])
    if now is not None:
        await Viewers(args["participant_id"], context).reconcile(now)
    return True


async def reconcile_all_streams(session: SessionDocument, _args: dict[str, Any], context: Context) -> bool:
    """The same for all who publish."""
    now = await context.store.sessions.find(session.id)
    if now is not None and now.status == "open":
        for publisher in dict.fromkeys(stream.participant_id for stream in now.streams):
            await Viewers(publisher, context).reconcile(now)
    return True


async def enforce_grants(session: SessionDocument, args: dict[str, Any], context: Context) -> bool:
    """End what a seat sends and receives outside its grants as they are now.

    What it receives is listed before the grants are read: what it offers later reads them itself, and is refused or
    allowed by them. What it sends later meets them in the update that enters it.
    """
    connections, participant = context.store.connections, ParticipantId(args["participant_id"])
    offered = await connections.offered_by(session.id, participant)
    now = await context.store.sessions.with_seats(session.id, participant)
    seat = None if now is None or now.status == "closed" else now.seat(participant)
    if now is None or seat is None:
        return True
    ended = [stream.connection_id for stream in now.streams_of(participant) if not stream.is_within(seat.may)]
    if not seat.may.subscribe:
        ended += [one.id for one in offered if one.kind == "subscribe"]
    for connection in ended:
        context.follow_ups.schedule(await connections.release(connection, "not-allowed"))
    return True


async def release_pipeline(session: SessionDocument, _args: dict[str, Any], context: Context) -> bool:
    """Release a closed session's pipeline with everything in it: it gets no other, for who places asks whether it is
    open.
    """
    if session.media is not None:
        server = session.media.server
        if await context.media.is_up(server) or await context.store.servers.exists(server):
            await context.media.release(session.media)
        await context.store.sessions.clear_media(session.id, session.media)
    return True


async def release_lost_pipeline(_session: SessionDocument, args: dict[str, Any], context: Context) -> bool:
    """Release the pipeline of an epoch that is over, should its process still live; another one never had it.

    A process that is only silent may wake up with the pipeline in it: until it is reached again the chore stays.
    """
    media = args["media"]
    pool = {server.name: server for server in await context.store.servers.all()}
    if media.server not in pool or pool[media.server].server_id != args["server_id"]:
        return True
    if not await context.media.is_up(media.server):
        return False
    await context.media.release(media)
    return True


async def place(session: SessionDocument, _args: dict[str, Any], context: Context) -> bool:
    """Give the session a pipeline again, as soon as a media server is up."""
    fresh = await context.store.sessions.with_seats(session.id)  # where it goes is no matter of who sits there
    if fresh is not None and fresh.status == "open" and fresh.media is None:
        await pipeline_of(fresh, context)
    return True


async def delete_session(session: SessionDocument, _args: dict[str, Any], context: Context) -> bool:
    """Delete queue and exchange two seconds after the close, when nothing is left to be told (design 5)."""
    if session.commands == "sharded":
        return True  # it has none
    over = _is_long_over(session, context) or await context.store.sessions.is_over(session.id, seconds=DELETED_AFTER)
    if not over:
        return False
    await context.topology.delete_session(session.id)
    return True


def _is_long_over(session: SessionDocument, context: Context) -> bool:
    """Whether the document says so itself, as a sweep finds it: closed it stays, and has nothing more to tell."""
    if session.closed_at is None or session.outbox:
        return False
    return (context.store.clock.now() - session.closed_at).total_seconds() > DELETED_AFTER + CLOCKS_APART


class Chores:
    """Every chore by the name that documents have for it."""

    def __init__(self) -> None:
        self._of_sessions: dict[str, SessionChore] = {
            "sweep-connections": sweep_connections,
            "end-mailbox": end_mailbox,
            "settle-streams": reconcile_streams,
            "settle-all-streams": reconcile_all_streams,
            "enforce-grants": enforce_grants,
            "release-pipeline": release_pipeline,
            "release-lost-pipeline": release_lost_pipeline,
            "place": place,
            "delete-session": delete_session,
        }

    async def do(self, document: SessionDocument | ConnectionDocument, chore: Chore, context: Context) -> Done:
        """Do one chore; False: its time has not come, it stays for the sweep."""
        if isinstance(document, ConnectionDocument):
            await reconcile(document.id, context)
            return True
        return await self._of_sessions[chore.do](document, chore.with_, context)

    async def do_anew(self, document: SessionDocument | ConnectionDocument, chore: Chore, context: Context) -> None:
        """Do one again whose session shows something else than it was done by."""
        if isinstance(document, SessionDocument):
            await reconcile_streams_anew(document, chore.with_, context)
