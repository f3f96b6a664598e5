"""Roster: who is in a session and what they send; a snapshot, moved on by the messages that follow it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from callplane_client.shapes import Message, Participant, Session, Stream

SNAPSHOTS = 4
LAG_SECONDS = 0.5
"""How often, how far apart, a snapshot that is behind a message is read again: a deposed primary lags for seconds."""
TYPES = frozenset(
    {
        "participant-joined",
        "participant-updated",
        "participant-left",
        "participant-reconnecting",
        "participant-reconnected",
        "participants-muted",
        "session-updated",
        "session-closed",
        "stream-published",
        "stream-unpublished",
        "media-lost",
        "media-ready",
    }
)
"""Messages that change it."""


class Roster:
    """The session as this seat knows it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        """Its own fields; who is in it is below."""
        self.participants = {one.id: one for one in session.participants}

    @staticmethod
    def counts(message: Message) -> bool:
        """Whether it changes the roster."""
        return message.type in TYPES and message.version is not None

    def load(self, session: Session) -> None:
        """Take a snapshot over, unless it is older than what is known."""
        if session.version >= self.session.version:
            self.session = session
            self.participants = {one.id: one for one in session.participants}

    def streams(self, participant_id: str) -> list[Stream]:
        """What somebody sends."""
        found = self.participants.get(participant_id)
        return found.streams if found else []

    async def follow(self, message: Message, read: Callable[[], Awaitable[Session]]) -> bool:
        """Move on by a message, reading the snapshot again where some are missing; whether anything is another now."""
        before, attempt = self.session.version, 0
        while self._apply(message) == "gap":
            if attempt < SNAPSHOTS:
                await asyncio.sleep(LAG_SECONDS if attempt else 0)
                self.load(await read())
            else:
                self._update({"version": (message.version or 0) - 1})
            attempt += 1
        return self.session.version > before

    def _apply(self, message: Message) -> Literal["stale", "gap", "applied"]:
        version = message.version or 0
        if version <= self.session.version:
            return "stale"
        if version > self.session.version + 1:
            return "gap"
        self._change(message.type, message.data)
        self._update({"version": version})
        return "applied"

    def _change(self, type_: str, data: dict[str, Any]) -> None:
        match type_:
            case "participant-joined" | "participant-updated":
                self._seat(data["participant"])
            case "participant-left":
                self.participants.pop(data["participant_id"], None)
            case "participant-reconnecting" | "participant-reconnected":
                state = "joined" if type_ == "participant-reconnected" else "reconnecting"
                self._set(data["participant_id"], state=state)
            case "participants-muted":
                all_of_them = dict.fromkeys(data["media"], True)
                for one in [each for each in self.participants.values() if each.id not in data["but"]]:
                    self._set(one.id, muted=one.muted.model_copy(update=all_of_them))
            case "session-updated":
                self._update({**data["session"], "version": self.session.version})
            case "session-closed":
                self._update({"status": "closed", "closed_because": data.get("reason")})
            case _:
                self._media(type_, data)

    def _media(self, type_: str, data: dict[str, Any]) -> None:
        match type_:
            case "stream-published" | "stream-unpublished":
                who, connection_id = data["participant_id"], data["connection_id"]
                streams = [one for one in self.streams(who) if one.connection_id != connection_id]
                if type_ == "stream-published":
                    streams.append(Stream.model_validate(data))
                self._set(who, streams=streams)
            case "media-lost":
                # It says nothing else: every stream has ended with it (design 7.1).
                for who in self.participants:
                    self._set(who, streams=[])
                self._update({"epoch": data["epoch"]})
            case "media-ready":
                self._update({"epoch": data["epoch"]})

    def _seat(self, said: dict[str, Any]) -> None:
        """Onto what is known: a server of the version before leaves out what it does not know."""
        known = self.participants.get(said["id"])
        fields = known.model_dump() if known else {}
        self.participants[said["id"]] = Participant.model_validate({**fields, **said})

    def _set(self, participant_id: str, **fields: Any) -> None:
        known = self.participants.get(participant_id)
        if known is not None:
            self.participants[participant_id] = known.model_copy(update=fields)

    def _update(self, fields: dict[str, Any]) -> None:
        own = self.session.model_dump(exclude={"participants", "hidden"})
        self.session = Session.model_validate({**own, **fields})
