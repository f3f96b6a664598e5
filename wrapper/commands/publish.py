"""Publish: negotiate, then enter the stream; those who wait for it are connected by the chore that follows."""

from callplane.contracts.commands import Envelope, Negotiated, Publish
from callplane.contracts.ids import connection_made_by
from callplane.contracts.refusals.connections import subscriber_may_not_publish
from callplane.store.connections import Wanted
from callplane.store.documents import Seat, SessionDocument
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.negotiation.offer import Negotiation, Offer


@handles(Publish)
async def publish(envelope: Envelope, command: Publish, context: Context) -> Negotiated:
    """Offer to send."""
    wanted = Wanted(connection_made_by(envelope.id), envelope.session_id, command.participant_id, "publish")
    return await Negotiation(envelope, wanted, Offer(command.sdp_offer, command.replaces), context).run(_may_publish)


def _may_publish(_session: SessionDocument, seat: Seat) -> None:
    if seat.role == "subscriber":
        raise subscriber_may_not_publish()
