"""Subscribe: negotiate; the stream is connected when it is there, also when it comes later (design 8.5)."""

from callplane.contracts.commands import Envelope, Negotiated, Subscribe
from callplane.contracts.ids import connection_made_by
from callplane.contracts.refusals.connections import subscribing_not_granted
from callplane.contracts.refusals.sessions import participant_not_found
from callplane.store.connections import Wanted
from callplane.store.documents import Seat, SessionDocument
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.negotiation.offer import Negotiation, Offer


@handles(Subscribe)
async def subscribe(envelope: Envelope, command: Subscribe, context: Context) -> Negotiated:
    """Offer to receive what the publisher sends, now or later."""

    def may(session: SessionDocument, seat: Seat) -> None:
        if not seat.may.subscribe:
            raise subscribing_not_granted()
        if session.seat(command.publisher) is None:
            raise participant_not_found()

    wanted = Wanted(
        connection_made_by(envelope.id),
        envelope.session_id,
        command.participant_id,
        "subscribe",
        command.publisher,
        command.stream,
    )
    return await Negotiation(envelope, wanted, Offer(command.sdp_offer, command.replaces), context).run(may)
