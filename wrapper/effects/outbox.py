"""Outbox: publishes what a document's holds, in order, confirmed, then pulled; whoever starts empties it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from callplane.bus.event_ports import EventBus
from callplane.bus.ports import Messenger, Topology
from callplane.concurrency import for_each
from callplane.contracts.errors import NodeDown
from callplane.contracts.events import Asked, CloudEvent, session_event
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from callplane.store.connections import Connections
from callplane.store.documents import ConnectionDocument, Outboxed, OutboxEntry, SessionDocument
from callplane.store.figures import figures, in_json, peak
from callplane.store.sessions import Sessions
from callplane.store.versioned_updates import OutboxRepository, Pulled
from callplane.store.views import participant_view, session_summary

D = TypeVar("D", bound=Outboxed)

TOLD_AT_MOST = 8
"""So many events that were told may wait for others behind them: who never stops would never let them go."""


@dataclass(frozen=True, slots=True)
class Together:
    """Chores that are done when their events have been published; ``gone`` is called when they were taken out."""

    done: Pulled
    gone: Callable[[], None]


With = Callable[[], Awaitable[Together | None]]
"""Waited for between publishing and pulling; None: there is nothing to be taken out with the events."""


async def alone() -> Together | None:
    """Nothing is taken out with the events."""
    return None


class Outbox:
    """The carrier's work (design 5): sessions tell everybody in them, connections tell their participant."""

    def __init__(
        self,
        sessions: Sessions,
        connections: Connections,
        messenger: Messenger,
        topology: Topology,
        events: EventBus | None = None,
    ) -> None:
        """``events``: where servers hear of it; None: nobody does."""
        self._events = events
        self._sessions = sessions
        self._connections = connections
        self._messenger = messenger
        self._topology = topology

    async def carry_session(self, session: SessionDocument | None, chores: With = alone) -> None:
        """Publish and pull, until nothing is left. Raises Unavailable: what is left is taken up by a sweep.

        ``chores``: those of the same document, which may go with the first events.
        """
        told, together = 0, None
        while session is not None and session.outbox:
            new = _behind(session, told)
            await self._publish(new, [_session_message(new, version, entry) for version, entry in new.numbered()])
            if not told:
                together, chores = await chores(), alone
            most = {"peak": peak(session)} if peak(session) > session.peak else None
            session, told = await _pulled(self._sessions, session, most, together)

    async def _publish(self, session: SessionDocument, messages: list[Message]) -> None:
        """To those who sit there and to servers, side by side; if either fails both are told again, by the same ids."""
        both: list[Callable[[], Awaitable[None]]] = [partial(self._tell, session, messages)]
        if self._events is not None:
            both.append(partial(self._events.publish, _events_of(session, messages)))
        await for_each(lambda tell: tell(), both)

    async def _tell(self, session: SessionDocument, messages: list[Message]) -> None:
        taken = await self._messenger.to_session(session.id, messages)
        if taken == "none" and _has_mailboxes(session):
            await self._mend(session.id)
            await self._messenger.to_session(session.id, messages)

    async def _mend(self, session_id: SessionId) -> None:
        """Make again what the broker has lost of a session. Raises NodeDown where all of it is only out of reach."""
        session = await self._sessions.find(session_id)
        if session is None or session.status == "closed" or not session.everybody:
            return
        with suppress(NodeDown):  # its exchange is on every node
            await self._topology.open_session(session.id)
        reached = 0
        for seat in session.everybody:
            with suppress(NodeDown):
                await self._topology.open_mailbox(session.id, seat.id)
                reached += 1
        if not reached:
            raise NodeDown("no mailbox of the session can be reached")

    async def carry_connection(self, connection: ConnectionDocument | None, chores: With = alone) -> None:
        """The same for a connection; a participant that is gone is no error."""
        told, together = 0, None
        while connection is not None and connection.outbox:
            for number, entry in _behind(connection, told).numbered():
                message = Message(
                    id=f"{connection.id}:{number}",
                    type=entry.type,
                    session_id=connection.session_id,
                    at=entry.first or entry.at,
                    data=entry.data,
                )
                await self._messenger.to_participant(connection.participant_id, message)
            if not told:
                together, chores = await chores(), alone
            connection, told = await _pulled(self._connections, connection, None, together)


async def _pulled(
    repository: OutboxRepository[D], document: D, most: dict[str, int] | None, together: Together | None
) -> tuple[D | None, int]:
    """What is left of the document, and how many of its events were told and stand in it yet.

    Those that came while the others were told are told before any is taken out: one update less for each such turn.
    The events go alone where their chores may not go with them.
    """
    ids = [entry.id for entry in document.outbox]
    done = () if together is None else together.done.chores
    tells_more = any(chore.do == "place" for chore in document.chores if chore.id in done)  # that it was placed
    if not tells_more:
        out, now = await repository.pull_all_published(document.id, ids, most, together.done if together else None)
        if out:
            if together is not None:
                together.gone()
            return None, 0
        if len(ids) < TOLD_AT_MOST and (longer := await _longer(repository, document, now)) is not None:
            return longer, len(ids)
    if together is not None:
        left = await repository.pull_published(document.id, ids, most, together.done)
        if left is not None:
            together.gone()
            return left, 0
    return await repository.pull_published(document.id, ids, most), 0


async def _longer(repository: OutboxRepository[D], document: D, found: D | None) -> D | None:
    """The document as it is now, or was ``found`` a moment ago, if all that it told stands there yet, and more behind
    it.
    """
    now = found or await repository.with_events(document.id)
    ids = [entry.id for entry in document.outbox]
    if now is None or len(now.outbox) <= len(ids) or [entry.id for entry in now.outbox[: len(ids)]] != ids:
        return None
    return now


def _behind(document: D, told: int) -> D:
    """With those events alone that follow so many; each keeps its number, which is counted from the last."""
    return document.model_copy(update={"outbox": document.outbox[told:]}) if told else document


def _events_of(session: SessionDocument, messages: list[Message]) -> list[CloudEvent]:
    """What servers are told: the same, with who asked for it, and with what one change alone has changed.

    All of it, also of a type that only a newer version knows: who carries it need not be who wrote it.
    """
    return [
        session_event(_exact(message, entry), Asked(entry.by, entry.request, session.tenant))
        for entry, message in zip(session.outbox, messages, strict=True)
    ]


def _exact(message: Message, entry: OutboxEntry) -> Message:
    """With the changes of that version: what is shown beside them is as of when it goes out, and may be newer."""
    changes = entry.data.get("session" if entry.type == "session-updated" else "changes")
    return message if changes is None else message.model_copy(update={"data": {**message.data, "changes": changes}})


def _has_mailboxes(session: SessionDocument) -> bool:
    """Whether anybody sits there whose mailbox is older than what is to be told: joining takes the seat first."""
    new = {entry.data["participant"]["id"] for entry in session.outbox if entry.type == "participant-joined"}
    older = [seat for seat in session.participants if seat.id not in new]
    unread = 0 if session.seat_count is None else session.seat_count - len(session.participants)
    return session.status == "open" and bool(older or unread)


def _session_message(session: SessionDocument, version: int, entry: OutboxEntry) -> Message:
    data = entry.data
    if entry.type == "session-updated":
        data = {"session": {**session_summary(session).model_dump(mode="json"), "version": version}}
    elif entry.type == "participant-updated":
        seat = session.seat(data["participant"]["id"])
        now = data["participant"] if seat is None else participant_view(session, seat).model_dump(mode="json")
        data = {"participant": now}
    elif entry.type == "session-closed":
        data = {**data, **in_json(figures(session))}
    return Message(
        id=f"{session.id}:{version}",
        type=entry.type,
        session_id=session.id,
        version=version,
        at=entry.first or entry.at,
        data=data,
    )
