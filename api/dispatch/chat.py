"""Chat: reads the history of a session, and says in it that a message was edited or deleted."""

import json
from typing import Any

from api.dispatch.signals import CHAT_DELETE, CHAT_EDIT
from api.schemas.history import ChatMessage, ChatPage
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.contracts.refusals.history import message_not_found, message_of_another, no_history
from callplane.messengers import LogMessenger
from callplane.store.documents import Roster
from callplane.store.log.history import FoldedMessage, History, Span
from callplane.store.log.kept_entries import KeptEntries
from callplane.store.log.records import Kept


class Chat:
    """The messages of type ``chat`` of sessions of the log engine; each call raises Refusal and Unavailable."""

    def __init__(self, log: LogMessenger, history: History, kept: KeptEntries) -> None:
        self._log = log
        self._history = history
        self._kept = kept

    async def exists(self, session_id: SessionId) -> bool:
        """Whether anything is kept of a session that is deleted."""
        return await self._history.exists(session_id)

    async def page(self, session_id: SessionId, span: Span, reader: ParticipantId | None) -> ChatPage:
        """Messages that this reader may read; None: a server."""
        page = await self._history.page(session_id, span, reader)
        return ChatPage(messages=[_view(one) for one in page.messages], next=page.next)

    async def edit(self, roster: Roster, message_id: str, event: Message) -> None:
        """Replace the data of one's own message by that of the event, and tell its parties."""
        found = await self._found(roster, message_id, event.data["from"])
        if found.body is None:
            raise message_not_found()
        if _said(found.body)["from"] != event.data["from"]:
            raise message_of_another()
        await self._log.to_some(event, _named(found), Kept(message_id, "edit", found.kept.parties))

    async def delete(self, roster: Roster, message_id: str, event: Message) -> None:
        """Delete one's own message, as moderator or server any; harmless when repeated."""
        sender = event.data["from"]
        seat = None if sender is None else roster.seat(sender)
        is_above = sender is None or (seat is not None and seat.may.moderate)
        found = await self._found(roster, message_id, None if is_above else sender)
        if found.body is None:
            return
        if not is_above and _said(found.body)["from"] != sender:
            raise message_of_another()
        await self._log.to_some(event, _named(found), Kept(message_id, "delete", found.kept.parties))
        # Whoever copies the entry does it as well, should this process end here.
        await self._kept.forget(roster.id, message_id)

    async def _found(self, roster: Roster, message_id: str, reader: ParticipantId | None) -> FoldedMessage:
        if roster.engine == "queues":
            raise no_history()
        found = await self._history.message(roster.id, message_id)
        parties = None if found is None else found.kept.parties
        if found is None or (reader is not None and parties is not None and reader not in parties):
            raise message_not_found()
        return found


def edited(message_id: str, data: Any) -> dict[str, Any]:
    """The data of the signal that says so, without its sender."""
    return {"type": CHAT_EDIT, "data": {"id": message_id, "data": data}}


def deleted(message_id: str) -> dict[str, Any]:
    """The data of the signal that says so, without its sender."""
    return {"type": CHAT_DELETE, "data": {"id": message_id}}


def _named(message: FoldedMessage) -> list[ParticipantId] | None:
    parties = message.kept.parties
    return None if parties is None else [ParticipantId(one) for one in parties]


def _said(body: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(body)["data"]
    return data


def _view(message: FoldedMessage) -> ChatMessage:
    if message.body is None:
        return ChatMessage(id=message.kept.about, position=message.position, deleted=True)
    original = json.loads(message.body)
    said = original["data"]
    change = None if message.edit is None else json.loads(message.edit)
    return ChatMessage(
        id=message.kept.about,
        position=message.position,
        sender=said["from"],
        to=said.get("to"),
        at=original["at"],
        data=said["data"] if change is None else change["data"]["data"]["data"],
        edited_at=None if change is None else change["at"],
    )
