"""Seat of the client: acts as one participant, by the participant token."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Unpack

from callplane_client.aio.http import AsyncCaller
from callplane_client.aio.messages import AsyncMessages, Transport
from callplane_client.aio.participants import AsyncParticipants
from callplane_client.aio.sessions import AsyncSessions
from callplane_client.aio.state import AsyncState
from callplane_client.aio.talk import AsyncChat, AsyncSignals
from callplane_client.asking import Ask, path
from callplane_client.fields import Kind, MutedFields, Offer, ParticipantFields, Show, SignalFields
from callplane_client.place import Place
from callplane_client.shapes import Accepted, Connection, Joined, Participant, Session


class AsyncSeat:
    """Somebody in a session; what it asks for, it asks for as that participant."""

    def __init__(self, ask: AsyncCaller, joined: Joined) -> None:
        self._ask = ask
        self.joined = joined
        """The session, the seat and the TURN servers as they were right after the join."""
        self.id = joined.participant.id
        self.session_id = joined.session.id
        self.token = joined.token
        self._participants = AsyncParticipants(ask)
        self._signals = AsyncSignals(ask)
        self.chat = AsyncChat(ask)
        self.state = AsyncState(ask)

    def messages(self, transport: Transport = "auto", after: str | None = None) -> AsyncMessages:
        """What this seat is told, from now on or behind a ``place.ack`` of before; one reader at a time."""
        place = Place(ack=after, version=0 if after else self.joined.session.version)
        return AsyncMessages(self._ask, self.session, place).by(transport)

    async def come_back(self) -> Joined:
        """Join the same seat once more, within its grace: what it still has, and TURN credentials that are new."""
        return await self._participants.join(self.session_id)

    async def session(self) -> Session:
        """A snapshot of the session."""
        return await AsyncSessions(self._ask).get(self.session_id)

    async def offer(self, kind: Kind, sdp: str, **offer: Unpack[Offer]) -> Connection | Accepted:
        """Publish, or subscribe to ``publisher``."""
        body = {"kind": kind, "sdp_offer": sdp, **offer}
        found = await self._ask(Ask("POST", path("sessions", self.session_id, "connections"), body))
        return (Connection if "epoch" in found else Accepted).model_validate(found)

    async def candidates(self, connection_id: str, candidates: Sequence[dict[str, Any]]) -> None:
        """Tell candidates of our own (``RTCIceCandidateInit``)."""
        where = path("sessions", self.session_id, "connections", connection_id, "candidates")
        await self._ask(Ask("POST", where, {"candidates": list(candidates)}))

    async def stop(self, connection_id: str) -> None:
        """End one connection; again: nothing more."""
        await self._ask(Ask("DELETE", path("sessions", self.session_id, "connections", connection_id)))

    async def update(self, **fields: Unpack[ParticipantFields]) -> Participant:
        """Change what is named of oneself."""
        return await self._participants.update(self.session_id, self.id, **fields)

    async def mute(self, **media: Unpack[MutedFields]) -> Participant:
        """Mute or unmute oneself at the media server."""
        return await self._participants.mute(self.session_id, self.id, **media)

    async def raise_hand(self, up: bool = True) -> Participant:
        """Raise one's hand, or lower it."""
        return await self.update(hand_raised=up)

    async def say_presence(self, show: Show, status: str = "", until: datetime | None = None) -> Participant:
        """How available one is, as a whole; ``until`` needs its offset."""
        said = until.isoformat() if until else None
        return await self.update(presence={"show": show, "status": status, "until": said})

    async def signal(self, type_: str, data: Any = None, **fields: Unpack[SignalFields]) -> str:
        """Say something to everybody, or to some."""
        return await self._signals.send(self.session_id, type_, data, **fields)

    async def say(self, text: str) -> str:
        """Say it in the chat."""
        return await self.chat.send(self.session_id, {"text": text})

    async def leave(self) -> None:
        """Give the seat up; again: nothing more."""
        await self._ask(Ask("DELETE", path("sessions", self.session_id, "participants", self.id)))
