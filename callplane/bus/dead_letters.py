"""Dead letters: commands that were given up, and what an operator may do with them (design 3.4, 8)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from callplane.bus.names import session_of
from callplane.contracts.commands import Envelope
from callplane.contracts.ids import SessionId
from callplane.contracts.operations import DeadLetterView

LISTED = 100
"""How many of the oldest are listed at once."""

SEARCHED = 1000
"""Among how many of the oldest one is looked for by its id: more than were ever listed."""


class NoSuchLetter(LookupError):
    """No dead letter has this id."""


class Unreadable(ValueError):
    """The letter's body is no command, so that it cannot be sent again."""


Send = Callable[[Envelope], Awaitable[None]]
"""Publishes a command anew; whatever it raises leaves the letter where it is."""


class DeadLetters(Protocol):
    """The letters, oldest first. One process at a time reads them; another waits, and raises Unavailable when it is
    too long.

    Two letters may have one id, for a command that was given up comes here again when that was interrupted: the older
    one is meant.
    """

    async def oldest(self, most: int = LISTED) -> list[DeadLetterView]:
        """Up to ``most`` of them; all stay where they are. Raises Unavailable."""
        ...

    async def replay(self, id_: str, send: Send) -> DeadLetterView:
        """Hand the command to ``send``; when that has returned, remove this letter and no other.

        Raises NoSuchLetter, Unreadable, Unavailable, and what ``send`` raises.
        """
        ...

    async def delete(self, id_: str) -> None:
        """Remove one. Raises NoSuchLetter and Unavailable."""
        ...

    async def purge(self) -> None:
        """Remove all of them. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as it lies on a bus."""

    id: str
    body: bytes
    queue: str
    reason: str
    attempt: int
    failed_at: datetime | None

    def envelope(self) -> Envelope:
        """The command in it. Raises Unreadable."""
        try:
            return Envelope.model_validate_json(self.body)
        except ValidationError:
            # The error's own text would quote the body.
            raise Unreadable(self.id) from None

    def view(self) -> DeadLetterView:
        """What an operator is shown."""
        name: str | None = None
        tenant: str | None = None
        session_id: SessionId | None = session_of(self.queue)
        try:
            envelope = self.envelope()
        except Unreadable:
            pass
        else:
            name, session_id, tenant = envelope.name, envelope.session_id, envelope.caller.tenant
        return DeadLetterView(
            id=self.id,
            name=name,
            session_id=session_id,
            tenant=tenant,
            queue=self.queue,
            reason=self.reason,
            attempt=self.attempt,
            failed_at=self.failed_at,
        )
