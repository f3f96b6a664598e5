"""Poll: one request for the messages of a seat, and the refusals that it may end with."""

from dataclasses import dataclass
from datetime import datetime

from callplane.contracts.ids import ParticipantId, SessionId


@dataclass(frozen=True, slots=True)
class Poll:
    """What a client asks: ``until`` is in this process's loop time, ``asked_at`` in database time.

    ``after`` is the token of what an open stream was given last: it wants what follows, and acknowledges nothing by it.
    """

    participant_id: ParticipantId
    session_id: SessionId
    ack: str | None
    most: int
    until: float
    asked_at: datetime
    after: str | None = None


class NotHeld(Exception):
    """The mailbox is not, or no longer, where it was looked for: look again."""
