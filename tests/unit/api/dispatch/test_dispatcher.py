"""What makes two requests the same under one Idempotency-Key, and until when a command may happen."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from api.dispatch.dispatcher import CommandOrigin, digest
from callplane.contracts.commands import Caller, Candidate, Candidates, CloseSession, CreateSession, Join
from callplane.contracts.errors import Unavailable
from testkit.fakes.asgi import api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.servers.servers import Database


class NextCreate(CreateSession):
    """The command as a later version may have it."""

    recorded: bool = False


class NextCandidate(Candidate):
    """A part of a command as a later version may have it."""

    network: str | None = None


def test_the_next_version_knows_the_repeat_of_a_request_that_began_at_this_one() -> None:
    fields: dict[str, Any] = {"custom_id": "standup", "metadata": {"a": [1, 2]}}
    assert digest(NextCreate(**fields)) == digest(CreateSession(**fields))


def test_nor_does_a_field_added_to_a_part_of_it_make_another_request() -> None:
    now, later = (
        Candidates(participant_id="p", connection_id="c", candidates=[kind(candidate="candidate:1")])
        for kind in (Candidate, NextCandidate)
    )
    assert digest(later) == digest(now)


def test_what_the_caller_has_set_counts() -> None:
    assert digest(NextCreate(recorded=True)) != digest(CreateSession())


@pytest.mark.parametrize("other", [{"metadata": {"a": 2}}, {"display_name": "B"}, {"role": "moderator"}])
def test_another_value_is_another_request(other: dict[str, Any]) -> None:
    body: dict[str, Any] = {"display_name": "A", "metadata": {"a": 1}}
    assert digest(Join(**(body | other))) != digest(Join(**body))


async def test_whatever_a_request_waited_for_is_no_time_more_for_its_command(database: Database) -> None:
    """Else an update could happen long after its client gave up, and undo what has been acknowledged since."""
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        dispatcher = it.program.services.dispatcher
        arrived = dispatcher.clock.now() - timedelta(seconds=5)
        prepared = await dispatcher.prepare(CommandOrigin(Caller(kind="key"), (), arrived), None, CreateSession())
        assert prepared.envelope.deadline == arrived + timedelta(seconds=8)
        with pytest.raises(Unavailable):
            await dispatcher.prepare(
                CommandOrigin(Caller(kind="key"), (), arrived - timedelta(seconds=3)), None, CreateSession()
            )


async def test_nor_does_its_client_wait_for_longer(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        dispatcher = it.program.services.dispatcher
        origin = CommandOrigin(Caller(kind="key"), (), dispatcher.clock.now() - timedelta(seconds=7))
        prepared = await dispatcher.prepare(origin, None, CreateSession())
        async with asyncio.timeout(4):
            assert await dispatcher.request(prepared) is None


async def test_it_is_never_too_late_to_close_a_session(database: Database) -> None:
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        dispatcher = it.program.services.dispatcher
        origin = CommandOrigin(Caller(kind="key"), (), dispatcher.clock.now() - timedelta(minutes=1))
        await dispatcher.publish((await dispatcher.prepare(origin, "s", CloseSession())).envelope)
    assert [sent.name for sent in bus.commands] == ["close"]
