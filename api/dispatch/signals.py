"""Signals: to whom one goes, and on which way: the queues of seats, or the session's log."""

from collections.abc import Sequence
from datetime import datetime

from api.overload import Overload
from callplane.bus.ports import Messenger
from callplane.concurrency import for_each
from callplane.contracts.ids import ParticipantId
from callplane.contracts.messages import Message
from callplane.contracts.refusals.callers import chatting_not_granted, sharing_not_granted, signalling_not_granted
from callplane.contracts.refusals.requests import nobody_in_role, signal_not_delivered
from callplane.contracts.refusals.sessions import participant_not_found
from callplane.messengers import LogMessenger
from callplane.store.documents import Roster
from callplane.store.log.records import Kept, Keyed

CHAT, CHAT_EDIT, CHAT_DELETE = "chat", "chat-edit", "chat-delete"
"""Types of signals that belong to the history of a log session; the last two are sent by the API alone."""

_ROLE = "role:"


def receivers(roster: Roster, to: Sequence[str] | None, sender: ParticipantId | None) -> list[ParticipantId] | None:
    """The seats that ``to`` names, by id or as ``role:…``, each once; None: everybody. Hidden ones are named by id, by
    servers (None) and moderators.

    Raises Refusal ``not-found`` for an id that has no seat, or none that the sender knows of, and when nobody is left.
    """
    if to is None:
        return None
    ids = dict.fromkeys(ParticipantId(one) for one in to if not one.startswith(_ROLE))
    roles = {one.removeprefix(_ROLE) for one in to if one.startswith(_ROLE)}
    speaker = None if sender is None else roster.any_seat(sender)
    known = roster.any_seat if sender is None or (speaker and speaker.may.moderate) else roster.seat
    if any(known(one) is None for one in ids):
        raise participant_not_found()
    named = ids | dict.fromkeys(seat.id for seat in roster.participants if seat.role in roles)
    if not named:
        raise nobody_in_role()
    return list(named)


def require_grant(roster: Roster, sender: ParticipantId | None, type_: str) -> None:
    """Go on only for a seat that may send signals of this type, or for a server (None). Raises Refusal."""
    seat = None if sender is None else roster.any_seat(sender)
    if seat is None:
        return
    if type_ == CHAT and not seat.may.chat:
        raise chatting_not_granted()
    if type_ != CHAT and not seat.may.signal:
        raise signalling_not_granted()


def require_sharing(roster: Roster, sender: ParticipantId | None) -> None:
    """Go on only for a seat that may signal or moderate, or for a server (None). Raises Refusal."""
    seat = None if sender is None else roster.any_seat(sender)
    if seat is not None and not (seat.may.signal or seat.may.moderate):
        raise sharing_not_granted()


def parties(sender: ParticipantId | None, to: Sequence[ParticipantId] | None) -> tuple[ParticipantId, ...] | None:
    """Who may read a message later: its sender and its receivers; None: all."""
    if to is None:
        return None
    return tuple(dict.fromkeys([*to] if sender is None else [sender, *to]))


class Signals:
    """Sends signals as the session's engine does, as long as the pod keeps up."""

    def __init__(self, queues: Messenger, log: LogMessenger, overload: Overload) -> None:
        self._queues = queues
        self._log = log
        self._overload = overload

    def require_room(self, *, volatile: bool) -> None:
        """Before anything is read for one more. Raises Refusal ``unavailable``."""
        self._overload.require_room("volatile" if volatile else "signals")

    async def send(
        self,
        roster: Roster,
        message: Message,
        to: list[ParticipantId] | None,
        until: datetime | None,
        keyed: Keyed | None = None,
    ) -> None:
        """Back when it is where it stays until it is read; with ``until``, a database time, handed on once (log only).

        ``keyed`` (log only): what was sent under that before is not sent again.
        Raises Refusal and Unavailable: then some may have it, and the same id is to be sent again.
        """
        if roster.engine == "queues":
            await self._by_queues(message, to)
        elif until is not None:
            self._log.hint(message, to, until)
        else:
            is_chat = message.data["type"] == CHAT
            kept = Kept(message.id, "chat", parties(message.data["from"], to)) if is_chat else None
            await self._log.to_some(message, to, kept, keyed)

    async def _by_queues(self, message: Message, to: list[ParticipantId] | None) -> None:
        if to is None:
            if await self._queues.to_session(message.session_id, [message]) != "all":  # the sender has one at least
                raise signal_not_delivered()
            return
        taken: list[ParticipantId] = []

        async def publish(one: ParticipantId) -> None:
            if await self._queues.to_participant(one, message):
                taken.append(one)

        await for_each(publish, to)
        if not taken:  # all have left since the session was read
            raise participant_not_found()
