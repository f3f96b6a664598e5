"""Participants of the client: join, look, change, mute, kick."""

# Made of callplane_client/aio/participants.py by docs/make_blocking_client.py.

from collections.abc import Sequence
from typing import Any, Unpack

from callplane_client.asking import Ask, path
from callplane_client.blocking.http import Caller
from callplane_client.fields import GrantFields, MutedFields, NewParticipant, ParticipantFields, Role
from callplane_client.shapes import Joined, Participant


class Participants:
    """``participants`` of the client."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def join(self, session_id: str, *, idempotency_key: str | None = None, **fields: Unpack[NewParticipant]) -> Joined:
        """Take a seat; ``seat(joined)`` acts as it."""
        ask = Ask("POST", path("sessions", session_id, "participants"), fields, key=idempotency_key)
        return Joined.model_validate(self._ask(ask))

    def list(self, session_id: str) -> Sequence[Participant]:
        """Everybody who sits in it, with what they publish; behind them who is hidden, to those that see them."""
        found = self._ask(Ask("GET", path("sessions", session_id, "participants")))
        return [Participant.model_validate(one) for one in (*found["participants"], *found.get("hidden", []))]

    def get(self, session_id: str, participant_id: str) -> Participant:
        """A seat with what it publishes."""
        return Participant.model_validate(self._ask(Ask("GET", _seat(session_id, participant_id))))

    def update(
        self,
        session_id: str,
        participant_id: str,
        *,
        if_match: int | None = None,
        **fields: Unpack[ParticipantFields],
    ) -> Participant:
        """Change what is named; with ``if_match`` only in that version of the session."""
        ask = Ask("PATCH", _seat(session_id, participant_id), fields, if_match=if_match)
        return Participant.model_validate(self._ask(ask))

    def mute(self, session_id: str, participant_id: str, **media: Unpack[MutedFields]) -> Participant:
        """Mute or unmute at the media server, whatever the browser does: ``audio=True``, ``video=False``."""
        return self.update(session_id, participant_id, muted=media)

    def mute_all(self, session_id: str, but: Sequence[str] = (), **media: Unpack[MutedFields]) -> None:
        """Mute everybody who sits there now, but some; nobody is unmuted by others."""
        body = {**media, "but": tuple(but)}
        self._ask(Ask("POST", path("sessions", session_id, "mute"), body))

    def grant(self, session_id: str, participant_id: str, **grants: Unpack[GrantFields]) -> Participant:
        """Let somebody do more, or less: what runs outside it ends (``publish=["microphone"]``)."""
        return self.update(session_id, participant_id, grants=grants)

    def make_moderator(self, session_id: str, participant_id: str) -> Participant:
        """Let somebody moderate, whatever else they may by their role's preset; ``grant`` gives less."""
        return self.update(session_id, participant_id, role="moderator")

    def take_moderation(self, session_id: str, participant_id: str, role: Role = "publisher") -> Participant:
        """Take that back: they may what this role may; who joins anew may again what the access token says."""
        return self.update(session_id, participant_id, role=role)

    def stop_stream(self, session_id: str, connection_id: str) -> None:
        """End one stream of somebody, who may publish again (``grant`` takes that away); again: nothing more."""
        self._ask(Ask("DELETE", path("sessions", session_id, "connections", connection_id)))

    def kick(self, session_id: str, participant_id: str, *, reason: str = "kicked", ban: bool = True) -> None:
        """Show somebody out; the identity cannot come back, in any seat, until the ban is lifted (``bans``).

        ``ban=False``: only shown out.
        """
        query: dict[str, Any] = {"reason": reason, "ban": ban}
        self._ask(Ask("DELETE", _seat(session_id, participant_id), query=query))


def _seat(session_id: str, participant_id: str) -> str:
    return path("sessions", session_id, "participants", participant_id)
