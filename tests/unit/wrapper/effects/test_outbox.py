"""What the carrier publishes: numbered, in order, as things are now, and until nothing is left."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from callplane.bus.event_ports import EventBus
from callplane.contracts.errors import Unavailable
from callplane.contracts.events import CloudEvent
from callplane.contracts.messages import Message
from callplane.store.connections import Connections
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.sessions import Sessions
from wrapper.effects import outbox as module
from wrapper.effects.outbox import Outbox

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Shelf:
    """A repository that holds one document, which gets longer each time its events are published, for so often."""

    def __init__(self, *then: Any) -> None:
        self.then = [one for one in then if one is not None]
        self.now: Any = None
        """What it is, once it has become longer."""
        self.pulled: list[list[str]] = []
        self.looks = False
        """Whether it was looked at where not all could be taken out."""

    async def pull_all_published(self, _: str, entries: list[str], most: Any = None, done: Any = None) -> Any:
        """They are not all, where something was added."""
        if self.then:
            self.now = self._without_pulled(self.then.pop(0))
            return False, self.now if self.looks else None
        self.pulled.append(entries)
        return True, None

    async def with_events(self, _: str) -> Any:
        """As it is."""
        assert not self.looks, "it has been read"
        return self.now

    async def pull_published(self, _: str, entries: list[str], most: Any = None) -> Any:
        """Say what is left."""
        self.pulled.append(entries)
        return self._without_pulled(self.now)

    def _without_pulled(self, document: Any) -> Any:
        gone = {id_ for ids in self.pulled for id_ in ids}
        return document.model_copy(update={"outbox": [one for one in document.outbox if one.id not in gone]})


class Heard:
    """A messenger that notes what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False

    async def to_session(self, _: str, messages: list[Message]) -> str:
        """To everybody."""
        if self.away:
            raise Unavailable("no broker")
        self.messages += messages
        return "all"

    async def to_participant(self, _: str, message: Message) -> bool:
        """To nobody: the mailbox is gone."""
        self.messages.append(message)
        return False


class Events(EventBus):
    """Where servers hear of it."""

    def __init__(self) -> None:
        self.told: list[CloudEvent] = []
        self.away = False

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        """Tell them."""
        if self.away:
            raise Unavailable("no broker")
        self.told += events


def entry(id_: str, type_: str, **data: Any) -> dict[str, Any]:
    """An event that waits."""
    return {"id": id_, "type": type_, "at": NOW, "data": data}


def session(version: int, *outbox: dict[str, Any]) -> SessionDocument:
    """A session with one seat, renamed by now."""
    settings = {"max_participants": 7, "empty_timeout": 6, "departure_timeout": 5, "grace": 4}
    return SessionDocument.model_validate(
        {
            "_id": "s",
            "status": "open",
            "epoch": 1,
            "version": version,
            "settings": settings,
            "metadata": {"now": True},
            "created_at": NOW,
            "participants": [{"id": "p", "name": "renamed"}],
            "outbox": list(outbox),
        }
    )


def outbox(shelf: Shelf, heard: Heard) -> Outbox:
    """The carrier on these."""
    return Outbox(cast(Sessions, shelf), cast(Connections, shelf), cast(Any, heard), cast(Any, heard))


@pytest.mark.parametrize("looks", [True, False])
async def test_a_session_is_told_in_order_until_nothing_is_left(looks: bool) -> None:
    heard = Heard()
    events = [entry("a", "media-lost", epoch=1, reason="r"), entry("b", "participant-left", reason="left")]
    first, shelf = session(7, *events), Shelf(session(8, *events, entry("c", "media-ready", epoch=1)))
    shelf.looks = looks
    await outbox(shelf, heard).carry_session(first)
    assert [(m.id, m.version, m.type) for m in heard.messages] == [
        ("s:6", 6, "media-lost"),
        ("s:7", 7, "participant-left"),
        ("s:8", 8, "media-ready"),
    ]
    assert shelf.pulled == [["a", "b", "c"]], "what was told waits for what comes behind it"


async def test_where_another_has_taken_some_out_each_is_told_once_and_goes_with_what_is_left() -> None:
    heard = Heard()
    a, b, c = (entry(id_, "media-ready", epoch=1) for id_ in "abc")
    shelf = Shelf(session(8, b, c))
    await outbox(shelf, heard).carry_session(session(7, a, b))
    assert [m.id for m in heard.messages] == ["s:6", "s:7", "s:8"]
    assert shelf.pulled == [["a", "b"], ["c"]]


async def test_events_that_never_stop_are_let_go() -> None:
    heard = Heard()
    events = [entry(str(number), "media-ready", epoch=1) for number in range(1, 31)]
    shelf = Shelf(*(session(number, *events[:number]) for number in range(2, 20)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOLD_AT_MOST", 4)
        await outbox(shelf, heard).carry_session(session(1, events[0]))
    assert [m.id for m in heard.messages] == [f"s:{number}" for number in range(1, 20)], "each once, in order"
    assert [len(ids) for ids in shelf.pulled] == [4, 4, 4, 4, 3]


async def test_a_mailbox_is_mended_for_who_was_told_of_before() -> None:
    """Its seat has joined by an event that was told, so it is older than what is told now."""
    mended: list[str] = []

    class Lost(Heard):
        """The exchange is gone with the second event."""

        async def to_session(self, where: str, messages: list[Message]) -> Any:
            """To nobody."""
            await super().to_session(where, messages)
            return "none" if messages[0].id == "s:8" and not mended else "all"

    class Mended(Shelf):
        """Finds the session."""

        async def find(self, _: str) -> Any:
            """It is closed meanwhile."""
            mended.append("looked at")

    joined = entry("a", "participant-joined", participant={"id": "p"})
    shelf, heard = Mended(session(8, joined, entry("b", "media-ready", epoch=1))), Lost()
    await outbox(shelf, heard).carry_session(session(7, joined))
    assert mended == ["looked at"]
    assert [m.id for m in heard.messages] == ["s:7", "s:8", "s:8"]


@pytest.mark.parametrize("away", [("messages",), ("events",), ("messages", "events")], ids=str)
async def test_what_was_not_told_to_both_stays(away: tuple[str, ...]) -> None:
    """Whoever carries it again tells both, by the same ids; one failure says that the broker is away."""
    heard, shelf, events = Heard(), Shelf(), Events()
    heard.away, events.away = "messages" in away, "events" in away
    carrier = Outbox(cast(Sessions, shelf), cast(Connections, shelf), cast(Any, heard), cast(Any, heard), events)
    change = session(7, entry("b", "participant-left", participant_id="q", reason="left"))
    with pytest.raises(Unavailable):
        await carrier.carry_session(change)
    assert shelf.pulled == []
    heard.away = events.away = False
    await carrier.carry_session(change)
    assert ([m.id for m in heard.messages][-1], [e.id for e in events.told][-1]) == ("s:7", "s:7")
    assert shelf.pulled == [["b"]]


async def test_servers_are_told_of_what_only_a_newer_version_knows() -> None:
    """A wrapper of that version wrote it, and this one carries it: pulled untold it would be lost to servers."""
    heard, events = Heard(), Events()
    carrier = Outbox(cast(Sessions, Shelf()), cast(Connections, heard), cast(Any, heard), cast(Any, heard), events)
    await carrier.carry_session(session(7, entry("b", "of-tomorrow", participant_id="q")))
    assert [(e.id, e.type, e.subject) for e in events.told] == [("s:7", "of-tomorrow", "q")]


async def test_updates_show_what_is_now_under_their_own_version() -> None:
    heard = Heard()
    updates = [
        entry("a", "session-updated", session={"metadata": {"then": True}}),
        entry("b", "participant-updated", participant={"id": "p", "name": "then"}),
        entry("c", "participant-updated", participant={"id": "gone", "name": "then"}),
    ]
    await outbox(Shelf(), heard).carry_session(session(9, *updates))
    summary, seat, gone = heard.messages
    assert (summary.data["session"]["version"], summary.data["session"]["metadata"]) == (7, {"now": True})
    assert "participants" not in summary.data["session"]
    assert (seat.version, seat.data["participant"]["name"]) == (8, "renamed")
    assert gone.data["participant"] == {"id": "gone", "name": "then"}


async def test_a_connection_tells_its_participant_without_a_session_version() -> None:
    heard = Heard()
    shelf = Shelf()
    events = [entry("a", "connection-state", connection_id="k", state="connected")]
    connection = {"_id": "k", "session_id": "s", "participant_id": "p", "state": "ready", "version": 3}
    await outbox(shelf, heard).carry_connection(ConnectionDocument.model_validate({**connection, "outbox": events}))
    [message] = heard.messages
    assert (message.id, message.version, message.session_id, message.at) == ("k:3", None, "s", NOW)
    assert shelf.pulled == [["a"]], "a mailbox that is gone holds nothing up"


async def test_nothing_to_tell_is_nothing_done() -> None:
    heard, shelf = Heard(), Shelf()
    carrier = outbox(shelf, heard)
    await carrier.carry_session(None)
    await carrier.carry_session(session(4))
    await carrier.carry_connection(None)
    assert (heard.messages, shelf.pulled) == ([], [])
