"""Publish: negotiate, then enter the stream; those who wait for it are connected by the chore that follows."""

from callplane.contracts.commands import Envelope, Negotiated, Publish
from callplane.contracts.grants import needed, source_of
from callplane.contracts.ids import connection_made_by
from callplane.contracts.refusals.connections import publishing_not_granted
from callplane.store.connections import Wanted
from callplane.store.documents import Seat, SessionDocument
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.media.sdp import offered
from wrapper.negotiation.offer import Negotiation, Offer


@handles(Publish)
async def publish(envelope: Envelope, command: Publish, context: Context) -> Negotiated:
    """Offer to send."""
    media = offered(command.sdp_offer)
    sources = needed(source_of(command.source, media), media)

    def may(_session: SessionDocument, seat: Seat) -> None:
        missing = [source for source in sources if source not in seat.may.publish]
        if missing:
            raise publishing_not_granted(missing)

    wanted = Wanted(
        connection_made_by(envelope.id),
        envelope.session_id,
        command.participant_id,
        "publish",
        source=command.source,
    )
    return await Negotiation(envelope, wanted, Offer(command.sdp_offer, command.replaces), context).run(may)
