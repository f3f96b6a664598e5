"""Offer: leads it to a ready connection; adders write first and read after, act between two guards (design 5)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from callplane.contracts.bounds import CONNECTIONS_PER_SEAT
from callplane.contracts.commands import Envelope, Negotiated
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.contracts.grants import needed, source_of
from callplane.contracts.ids import ConnectionId
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import Message
from callplane.contracts.reasons import ReleaseReason
from callplane.contracts.refusals.connections import (
    connection_gone,
    connection_of_another,
    connection_stopped,
    media_lost_meanwhile,
    nothing_accepted,
    publishing_not_granted,
    replaced_not_found,
    too_many_connections,
)
from callplane.store.connections import Wanted
from callplane.store.documents import ConnectionDocument, Seat, SessionDocument
from callplane.store.versioned_updates import Change
from callplane.store.views import connection_view, participant_view
from wrapper.context import Context
from wrapper.media.port import Gone, SlotsTaken
from wrapper.media.sdp import accepted
from wrapper.negotiation.pipeline import lost_if_gone, pipeline_of
from wrapper.negotiation.reconcile import owner_of, reconcile, reconcile_new, stream_of
from wrapper.requirements import require_open_with_seats, require_seat

ROUNDS = 5

Rule = Callable[[SessionDocument, Seat], None]


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client sent: its SDP, and which of its connections the new one takes the place of."""

    sdp: str
    replaces: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A ready connection; made in this attempt, also what was read for it: the session, and what it is to be fed."""

    connection: ConnectionDocument
    session: SessionDocument | None = None
    source: ConnectionDocument | None = None


class Negotiation:
    """One attempt of one offer; a repeated command finds what an earlier attempt has reached."""

    def __init__(self, envelope: Envelope, wanted: Wanted, offer: Offer, context: Context) -> None:
        self._envelope = envelope
        self._wanted = wanted
        self._offer = offer.sdp
        self._replaces = offer.replaces
        self._context = context
        self._connections = context.store.connections
        self._claimed: ConnectionDocument | None = None
        """As it was offered and claimed by one update, until that claim is used."""

    async def run(self, rule: Rule) -> Negotiated:
        """Reach *ready*, reconcile, tell the mailbox, answer. A refusal releases what was begun."""
        connection, claimed = await self._connections.offer_claimed(self._wanted, self._context.wrapper)
        if connection is None:
            raise connection_of_another()
        self._claimed = connection if claimed else None
        try:
            ready = await self._checked(connection, rule)
            await self._enter_stream(ready.connection)
        except Refusal as refusal:
            if refusal.problem.retryable:
                raise  # the same command, sent again, goes on where this one stopped
            await self._end("refused")
            # One that was stopped meanwhile is released already, but an earlier attempt may have left its stream.
            await reconcile(connection.id, self._context)
            raise
        await self._reconcile(ready)
        await tell_answer(self._envelope, ready.connection, self._context)
        return Negotiated(connection=connection_view(ready.connection))

    async def _checked(self, connection: ConnectionDocument, rule: Rule) -> Ready:
        """Reach *ready*; a claim that was not used is given back, so that whoever comes next need not wait for it."""
        try:
            await self._check_replaced()
            return await self._ready(connection, rule)
        finally:
            if self._claimed is not None:
                await self._connections.release_claim(self._claimed, self._context.wrapper)

    async def _reconcile(self, ready: Ready) -> None:
        """In full where an earlier attempt made it: nobody knows how far that came."""
        if ready.session is None:
            await reconcile(ready.connection.id, self._context, ready.connection)
        else:
            await reconcile_new(ready.connection, ready.session, ready.source, self._context)

    async def _check_replaced(self) -> None:
        old = None if self._replaces is None else await self._connections.find(self._replaces)
        if self._replaces is None:
            return
        if old is None or old.participant_id != self._wanted.participant_id or old.kind != self._wanted.kind:
            raise replaced_not_found()

    async def _ready(self, connection: ConnectionDocument, rule: Rule) -> Ready:
        for _ in range(ROUNDS):
            session = await self._session()
            rule(session, await require_seat(session, self._wanted.participant_id, self._context))
            if connection.state == "released":
                raise connection_stopped()
            if connection.state == "ready":
                return Ready(connection)
            ready = await self._attempt(await pipeline_of(session, self._context))
            if ready is not None:
                return ready
            connection = await self._again()
        raise Trouble("the session changed again and again while the offer was answered")

    async def _session(self) -> SessionDocument:
        """With the seats that an offer is about: its own, and the one that it wants to see."""
        seats = [one for one in (self._wanted.participant_id, self._wanted.publisher) if one is not None]
        return await require_open_with_seats(self._wanted.session_id, self._context, *seats)

    async def _again(self) -> ConnectionDocument:
        found = await self._connections.find(self._wanted.id)
        if found is None:
            raise connection_gone()
        return found

    async def _attempt(self, session: SessionDocument) -> Ready | None:
        """Claim, act, commit. None: the claim or the epoch is not ours any more; read again."""
        me = self._context.wrapper
        claimed = await self._claim(session)
        if claimed is None:
            found = await self._again()
            if found.state == "negotiating" and found.claim is not None:
                raise Busy("somebody else answers this offer")
            return None
        committed: ConnectionDocument | None = None
        endpoint: MediaRef | None = None
        try:
            source = await self._clear(claimed, session)
            endpoint, answer = await self._endpoint(claimed, session)
            media = accepted(self._wanted.kind, self._offer, answer)
            if self._wanted.kind == "publish" and not media:
                raise nothing_accepted()
            committed = await self._connections.commit(claimed, me, endpoint, answer, media)
        except Gone:
            if not await lost_if_gone(session, self._context):
                raise Trouble("the endpoint was gone before it was used") from None
        finally:
            if committed is None:
                await self._let_go(claimed, endpoint)
        return None if committed is None else Ready(committed, session, source)

    async def _claim(self, session: SessionDocument) -> ConnectionDocument | None:
        """That of the offer, once; else a new one. Who lives is asked only where somebody else has the claim."""
        me = self._context.wrapper
        if self._claimed is not None:
            offered, self._claimed = self._claimed, None
            return offered.model_copy(update={"epoch": session.epoch})
        claimed = await self._connections.claim(self._wanted.id, session.epoch, me)
        if claimed is not None:
            return claimed
        alive = await self._context.store.wrappers.alive()
        return await self._connections.claim(self._wanted.id, session.epoch, me, alive)

    async def _clear(self, claimed: ConnectionDocument, session: SessionDocument) -> ConnectionDocument | None:
        """The connection that this one is to be fed by, read while it is counted whether the seat has too many.

        Not counted again in a later attempt, which may have left an endpoint: that is released.
        """
        source = stream_of(claimed, session)
        if claimed.claims == 1:
            found = await self._connections.offered_by(claimed.session_id, claimed.participant_id, source)
            own = [one for one in found if one.participant_id == claimed.participant_id and one.state != "released"]
            if len(own) > CONNECTIONS_PER_SEAT:
                raise too_many_connections()
            return next((one for one in found if one.id == source), None)
        if session.media is not None:
            await self._context.media.release_tagged(session.media, claimed.id)
        return None if source is None else await self._connections.find(source)

    async def _endpoint(self, claimed: ConnectionDocument, session: SessionDocument) -> tuple[MediaRef, str]:
        """With its answer."""
        if session.media is None:
            raise Trouble("the session has no pipeline")
        return await self._context.media.create_endpoint(session.media, owner_of(claimed), self._offer)

    async def _let_go(self, claimed: ConnectionDocument, endpoint: MediaRef | None) -> None:
        """What did not come to a commit is released, and its claim given back; a commit may have come unheard."""
        await self._connections.release_claim(claimed, self._context.wrapper)
        if endpoint is None or not await self._context.media.is_up(endpoint.server):
            return
        # Without the claim no commit can come any more, so what is read now stays.
        found = await self._connections.find(claimed.id)
        if found is None or found.endpoint != endpoint:
            with suppress(SlotsTaken):  # it is found as an orphan, and what has failed here before is to be told
                await self._context.media.release(endpoint)

    async def _enter_stream(self, connection: ConnectionDocument) -> None:
        """A publish enters ``streams``, filtered on seat, open and epoch; what fails is explained by one read."""
        if self._wanted.kind == "publish":
            change = await self._replaced(connection) or await self._published(connection)
            self._context.follow_ups.schedule(change)
            if change is None:
                await self._explain(connection)
        if self._replaces is not None:
            await self._end("replaced", self._replaces)

    async def _published(self, connection: ConnectionDocument) -> Change[SessionDocument] | None:
        return await self._context.store.media.publish(connection)

    async def _replaced(self, connection: ConnectionDocument) -> Change[SessionDocument] | None:
        """Swap the entry of the connection that this one replaces; subscriptions that name it follow first."""
        if self._replaces is None:
            return None
        session = await self._session()
        shown = participant_view(session, await require_seat(session, connection.participant_id, self._context))
        await self._connections.redirect_subscriptions(
            session.id, connection.participant_id, self._replaces, connection.id
        )
        return await self._context.store.media.replace(connection, self._replaces, shown)

    async def _explain(self, connection: ConnectionDocument) -> None:
        session = await self._session()
        seat = await require_seat(session, connection.participant_id, self._context)
        if session.epoch != connection.epoch:
            raise media_lost_meanwhile()
        if any(stream.connection_id == connection.id for stream in session.streams):
            return
        needs = needed(source_of(connection.source, connection.media), connection.media)
        missing = [source for source in needs if source not in seat.may.publish]
        if not missing:
            raise Trouble("the session changed while it was read")
        if self._replaces is not None:  # what it was to replace has its viewers back
            await self._connections.redirect_subscriptions(session.id, seat.id, connection.id, self._replaces)
        raise publishing_not_granted(missing)

    async def _end(self, reason: ReleaseReason, connection_id: ConnectionId | None = None) -> None:
        ended, participant = connection_id or self._wanted.id, self._wanted.participant_id
        self._context.follow_ups.schedule(await self._connections.release_own(ended, participant, reason))


async def tell_answer(envelope: Envelope, connection: ConnectionDocument, context: Context) -> None:
    """Put the answer into the mailbox of whoever offered. Raises Trouble, for the answer is told or not given."""
    data = {
        "command_id": envelope.id,
        "connection_id": connection.id,
        "sdp_answer": connection.answer,
        "media": connection.media,
    }
    message = Message(
        id=envelope.id, type="answer", session_id=connection.session_id, at=context.store.clock.now(), data=data
    )
    try:
        await context.messenger.to_participant(connection.participant_id, message)
    except Unavailable as away:
        raise Trouble(f"the answer could not be told: {away}") from away
