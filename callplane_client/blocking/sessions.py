"""Sessions of the client: make, look, list, change, close; bans, tokens and presence beside them."""

# Made of callplane_client/aio/sessions.py by docs/make_blocking_client.py.

from collections.abc import Iterator, Sequence
from typing import Unpack

from callplane_client.asking import Ask, path
from callplane_client.blocking.http import Caller
from callplane_client.fields import NewSession, SessionFields, TokenFields
from callplane_client.shapes import Ban, SeatPresence, Session, Token

PAGE = 200


class Sessions:
    """``sessions`` of the client."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def create(self, *, idempotency_key: str | None = None, **fields: Unpack[NewSession]) -> Session:
        """Make a session, or find the open one that has the same ``custom_id``."""
        return Session.model_validate(self._ask(Ask("POST", path("sessions"), fields, key=idempotency_key)))

    def get(self, session_id: str) -> Session:
        """A snapshot of it."""
        return Session.model_validate(self._ask(Ask("GET", path("sessions", session_id))))

    def list(self, status: str | None = "open", limit: int | None = None) -> Iterator[Session]:
        """Sessions, page after page as they are asked for: ``open``, ``closed``, or None for both."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            query = {"status": status, "cursor": cursor, "limit": PAGE if left is None else min(PAGE, left)}
            page = self._ask(Ask("GET", path("sessions"), query=query))
            for one in page["sessions"]:
                yield Session.model_validate(one)
            left = None if left is None else left - len(page["sessions"])
            cursor = page["next"]
            if cursor is None:
                return

    def update(self, session_id: str, *, if_match: int | None = None, **fields: Unpack[SessionFields]) -> Session:
        """Change what is named; with ``if_match`` only that version."""
        ask = Ask("PATCH", path("sessions", session_id), fields, if_match=if_match)
        return Session.model_validate(self._ask(ask))

    def close(self, session_id: str, reason: str = "closed") -> None:
        """End it for everybody, who hear the reason; again: nothing more."""
        self._ask(Ask("DELETE", path("sessions", session_id), query={"reason": reason}))


class Bans:
    """``bans``: who may not join a session."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def list(self, session_id: str) -> Sequence[Ban]:
        """Those that stand, the oldest first."""
        found = self._ask(Ask("GET", path("sessions", session_id, "bans")))
        return [Ban.model_validate(one) for one in found["bans"]]

    def lift(self, session_id: str, identity: str) -> None:
        """Let it join again, in a new seat; again: nothing more."""
        self._ask(Ask("DELETE", path("sessions", session_id, "bans", identity)))


class Tokens:
    """``tokens``: access tokens that the API signs with the caller's key."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def create(self, session: str, identity: str, **fields: Unpack[TokenFields]) -> Token:
        """For a browser: who it is, for which session (id or custom id, ``*`` for all), and what it may do there."""
        body = {"session": session, "identity": identity, **fields}
        return Token.model_validate(self._ask(Ask("POST", path("tokens"), body)))


class Presences:
    """``presence``: how available people say they are, and when they were last active."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def of_identity(self, identity: str) -> Sequence[SeatPresence]:
        """Wherever it sits; nowhere: an empty list."""
        found = self._ask(Ask("GET", path("presence"), query={"identity": identity}))
        return [SeatPresence.model_validate(one) for one in found["presence"]]

    def of_session(self, session_id: str) -> Sequence[SeatPresence]:
        """Everybody who is in it."""
        found = self._ask(Ask("GET", path("sessions", session_id, "presence")))
        return [SeatPresence.model_validate(one) for one in found["presence"]]
