"""Interrupted mailboxes: those that the broker took away or could not reach, and which are still asked for."""

from collections import OrderedDict
from dataclasses import dataclass

from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment

KEPT = 50_000


@dataclass(slots=True)
class _Missed:
    """``seat`` is its attachment while it names this pod as holder, ``asked_at`` when its client was here last."""

    seat: Attachment | None = None
    asked_at: float = 0.0


class InterruptedMailboxes:
    """Who reads one of these next hears of a gap; whose client asks no more is to be detached, as if it were held.

    Publications to a queue on a node that is down are dropped by RabbitMQ, and confirmed where others had them.
    """

    def __init__(self) -> None:
        self._missed: OrderedDict[ParticipantId, _Missed] = OrderedDict()

    def __contains__(self, participant_id: ParticipantId) -> bool:
        return participant_id in self._missed

    def add(self, participant_id: ParticipantId) -> None:
        """Remember it, and forget the oldest beyond the bound: most that are taken away were deleted."""
        self._missed.setdefault(participant_id, _Missed())
        if len(self._missed) > KEPT:
            self._missed.popitem(last=False)

    def client_asked(self, seat: Attachment, at: float) -> None:
        """Its client was here, at this loop time, and this pod is the holder that the database names."""
        self.add(seat.participant_id)
        missed = self._missed[seat.participant_id]
        missed.seat, missed.asked_at = seat, at

    def discard(self, participant_id: ParticipantId) -> None:
        """It is read again."""
        self._missed.pop(participant_id, None)

    def unasked(self, before: float) -> list[Attachment]:
        """Those whose client was here last before this loop time, until they are ``resolved`` or asked for again."""
        missed = self._missed.values()
        return [one.seat for one in missed if one.seat is not None and one.asked_at <= before]

    def resolved(self, seat: Attachment, now: Attachment | None = None) -> None:
        """This one needs no detaching any more, or is ``now`` another; nothing, where it was asked for meanwhile."""
        missed = self._missed.get(seat.participant_id)
        if missed is not None and missed.seat is seat:
            missed.seat = now
