"""Seat of the client: acts as one participant, by the participant token."""

# Made of callplane_client/aio/seat.py by docs/make_blocking_client.py.

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Unpack

from callplane_client.asking import Ask, path
from callplane_client.blocking.http import Caller
from callplane_client.blocking.messages import Messages, Transport
from callplane_client.blocking.participants import Participants
from callplane_client.blocking.sessions import Sessions
from callplane_client.blocking.state import State
from callplane_client.blocking.talk import Chat, Signals
from callplane_client.fields import Kind, MutedFields, Offer, ParticipantFields, Show, SignalFields
from callplane_client.place import Place
from callplane_client.shapes import Accepted, Connection, Joined, Participant, Session


class Seat:
    """Somebody in a session; what it asks for, it asks for as that participant."""

    def __init__(self, ask: Caller, joined: Joined) -> None:
        self._ask = ask
        self.joined = joined
        """The session, the seat and the TURN servers as they were right after the join."""
        self.id = joined.participant.id
        self.session_id = joined.session.id
        self.token = joined.token
        self._participants = Participants(ask)
        self._signals = Signals(ask)
        self.chat = Chat(ask)
        self.state = State(ask)

    def messages(self, transport: Transport = "auto", after: str | None = None) -> Messages:
        """What this seat is told, from now on or behind a ``place.ack`` of before; one reader at a time."""
        place = Place(ack=after, version=0 if after else self.joined.session.version)
        return Messages(self._ask, self.session, place).by(transport)

    def come_back(self) -> Joined:
        """Join the same seat once more, within its grace: what it still has, and TURN credentials that are new."""
        return self._participants.join(self.session_id)

    def session(self) -> Session:
        """A snapshot of the session."""
        return Sessions(self._ask).get(self.session_id)

    def offer(self, kind: Kind, sdp: str, **offer: Unpack[Offer]) -> Connection | Accepted:
        """Publish, or subscribe to ``publisher``."""
        body = {"kind": kind, "sdp_offer": sdp, **offer}
        found = self._ask(Ask("POST", path("sessions", self.session_id, "connections"), body))
        return (Connection if "epoch" in found else Accepted).model_validate(found)

    def candidates(self, connection_id: str, candidates: Sequence[dict[str, Any]]) -> None:
        """Tell candidates of our own (``RTCIceCandidateInit``)."""
        where = path("sessions", self.session_id, "connections", connection_id, "candidates")
        self._ask(Ask("POST", where, {"candidates": list(candidates)}))

    def stop(self, connection_id: str) -> None:
        """End one connection; again: nothing more."""
        self._ask(Ask("DELETE", path("sessions", self.session_id, "connections", connection_id)))

    def update(self, **fields: Unpack[ParticipantFields]) -> Participant:
        """Change what is named of oneself."""
        return self._participants.update(self.session_id, self.id, **fields)

    def mute(self, **media: Unpack[MutedFields]) -> Participant:
        """Mute or unmute oneself at the media server."""
        return self._participants.mute(self.session_id, self.id, **media)

    def raise_hand(self, up: bool = True) -> Participant:
        """Raise one's hand, or lower it."""
        return self.update(hand_raised=up)

    def say_presence(self, show: Show, status: str = "", until: datetime | None = None) -> Participant:
        """How available one is, as a whole; ``until`` needs its offset."""
        said = until.isoformat() if until else None
        return self.update(presence={"show": show, "status": status, "until": said})

    def signal(self, type_: str, data: Any = None, **fields: Unpack[SignalFields]) -> str:
        """Say something to everybody, or to some."""
        return self._signals.send(self.session_id, type_, data, **fields)

    def say(self, text: str) -> str:
        """Say it in the chat."""
        return self.chat.send(self.session_id, {"text": text})

    def leave(self) -> None:
        """Give the seat up; again: nothing more."""
        self._ask(Ask("DELETE", path("sessions", self.session_id, "participants", self.id)))
