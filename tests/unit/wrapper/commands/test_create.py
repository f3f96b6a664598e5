"""Who declares what a session needs looks once more, unless nothing can have been deleted since the insert."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, CreateSession, Envelope
from callplane.contracts.events import CloudEvent
from callplane.contracts.ids import new_id, session_made_by
from callplane.store.documents import SessionDocument, SessionLimits
from wrapper.commands import create as module
from wrapper.context import Context
from wrapper.engine_choice import Choice

LIMITS = SessionLimits(max_participants=9, empty_timeout=9, departure_timeout=9, grace=9)


class World:
    """A store in which the session is closed and over as soon as it has been made; and a broker."""

    events: Any = None

    def __init__(self, *, repeated: bool, commands: CommandQueues = "per-session", heard: bool = False) -> None:
        if heard:
            self.events = self
        self.repeated = repeated
        self.commands = commands
        self.done: list[str] = []
        self.store = self.sessions = self.engines = self.topology = self.engine_choice = self

    async def of_new_session(self, published: CommandQueues) -> Choice:
        return Choice(commands=published)

    def remember(self, *_: Any) -> None:
        """Nothing."""

    async def create(self, *_: Any) -> SessionDocument | str:
        return "repeated" if self.repeated else self._session("open")

    async def find(self, _id: str) -> SessionDocument:
        self.done.append("looked")
        return self._session("closed")

    async def is_over(self, *_: Any, seconds: float) -> bool:
        return True

    async def open_session(self, _id: str) -> None:
        self.done.append("declared")

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        self.done += [event.type for event in events]

    async def delete_session(self, _id: str) -> None:
        self.done.append("deleted")

    def _session(self, status: Any) -> SessionDocument:
        return SessionDocument(
            _id="s", status=status, epoch=1, settings=LIMITS, created_at=datetime.now(UTC), commands=self.commands
        )


async def done(*, repeated: bool = False, commands: CommandQueues = "per-session", heard: bool = False) -> list[str]:
    """What is done of a creation."""
    world, id_ = World(repeated=repeated, commands=commands, heard=heard), new_id()
    caller, body = Caller(kind="key"), CreateSession()
    envelope = Envelope(id=id_, session_id=session_made_by(id_), caller=caller, deadline=datetime.now(UTC), body=body)
    made = await module.create(envelope, body, cast(Context, world))
    assert made.created
    return world.done


async def test_what_was_made_a_moment_ago_is_not_read_again() -> None:
    assert await done() == ["declared"]


async def test_who_was_late_to_declare_looks_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON", -1.0)
    assert await done() == ["declared", "looked", "deleted"]


async def test_a_repeat_looks_once_more() -> None:
    assert await done(repeated=True) == ["looked", "declared", "looked", "deleted"]


async def test_what_has_no_queue_asks_nothing_of_the_broker() -> None:
    """Nor of the database whether it was closed meanwhile: nothing was declared that could be left behind."""
    assert await done(commands="sharded") == []
    assert await done(repeated=True, commands="sharded") == ["looked"]


@pytest.mark.parametrize("commands", ["per-session", "sharded"])
async def test_servers_are_told_of_it_whatever_queue_its_commands_have(commands: CommandQueues) -> None:
    assert (await done(commands=commands, heard=True)).count("session-created") == 1
    assert (await done(commands=commands, heard=True, repeated=True)).count("session-created") == 1
