"""Seats of participant tokens: each read at every use of its token, and who has none any more told why."""

from collections.abc import Callable

from api.auth.quotas import Payer
from api.auth.rules import of_session, still_open
from api.auth.tokens import SeatToken
from callplane.contracts.ids import SessionId
from callplane.contracts.refusals.sessions import kicked, seat_gone, session_not_found
from callplane.store.attachments import Attachments
from callplane.store.documents import Roster, Seat, SeatRole, SessionDocument
from callplane.store.sessions import Sessions


def nobody(*_what: object) -> None:
    """Nobody is told."""


class TokenSeats:
    """Reads the seat, and no other; a token whose seat is gone is refused."""

    def __init__(
        self,
        sessions: Sessions,
        attachments: Attachments,
        active: Callable[[SessionId, Seat | SeatRole], None] = nobody,
        charge: Callable[[Payer], None] = nobody,
    ) -> None:
        self._sessions, self._attachments = sessions, attachments
        self._active = active
        """Is told of each seat whose token asks for something; polls are none, for programs ask them by themselves."""
        self._charge = charge  # whose quotas it is taken from, who may have none left

    async def of(
        self, token: SeatToken, session_id: SessionId, *, closed_too: bool = False
    ) -> tuple[SessionDocument, Seat]:
        """The seat, with its session as far as it is of that seat. Raises Refusal."""
        of_session(token, session_id)
        session = await self._sessions.with_seat(session_id, token.participant_id)
        if session is None:
            raise session_not_found()
        await self.require(session, token, closed_too=closed_too)
        seat = session.any_seat(token.participant_id)
        assert seat is not None
        return session, seat

    async def require(self, session: SessionDocument | Roster, token: SeatToken, *, closed_too: bool = False) -> None:
        """Go on only if the seat is in that session. Raises Refusal ``kicked``, ``session-closed``, ``join-again``."""
        if token.participant_id in session.kicked:
            raise kicked()
        if not closed_too:
            still_open(session)
        seat = session.any_seat(token.participant_id)
        if seat is None:
            ended = await self._attachments.read(token.participant_id)
            raise seat_gone(ended.reason if ended else None)
        self._charge(Payer(session.tenant, seat.identity))
        self._active(session.id, seat)

    async def session(self, session_id: SessionId) -> SessionDocument:
        """The session, with all seats. Raises Refusal ``not-found``."""
        session = await self._sessions.find(session_id)
        if session is None:
            raise session_not_found()
        return session
