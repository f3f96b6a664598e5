"""Events as CloudEvents: one name for each change, who asked, and a routing key that bindings can match."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from callplane.bus.topic_patterns import matches
from callplane.contracts.commands import Caller
from callplane.contracts.events import (
    EVENT_TYPES,
    Asked,
    actor_of,
    asked_by,
    read_event,
    routing_word,
    session_event,
    who_asked,
)
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message

S = SessionId("01980000-0000-7000-8000-000000000001")


def test_a_change_is_named_by_session_and_version_and_says_who_asked() -> None:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    left = Message(
        id=f"{S}:7",
        type="participant-left",
        session_id=S,
        version=7,
        at=at,
        data={"participant_id": "ann", "reason": "kicked"},
    )
    event = session_event(left, Asked("key:app", "r-1", "acme"))
    assert json.loads(event.body()) == {
        "specversion": "1.0",
        "id": f"{S}:7",
        "source": f"/v1/sessions/{S}",
        "type": "participant-left",
        "subject": "ann",
        "time": "2026-01-05T12:00:00Z",
        "datacontenttype": "application/json",
        "sessionid": S,
        "sessionversion": 7,
        "tenant": "acme",
        "actor": "key:app",
        "requestid": "r-1",
        "data": {"participant_id": "ann", "reason": "kicked"},
    }
    # An extension's name has lower-case letters and digits (CloudEvents 1.0, "Naming conventions").
    assert all(name.isalnum() and name.islower() for name in json.loads(event.body()))
    assert event.routing_key == "acme.participant-left"


@pytest.mark.parametrize(
    ("caller", "actor"),
    [
        (Caller(kind="key", name="app"), "key:app"),
        (Caller(kind="access", name="https://issuer:ann"), "identity:https://issuer:ann"),
        (Caller(kind="participant", participant_id=ParticipantId("p1")), "seat:p1"),
        (Caller(kind="open"), "open"),
    ],
)
def test_every_caller_is_an_actor(caller: Caller, actor: str) -> None:
    assert actor_of(caller) == actor


async def test_who_asked_holds_for_the_command_and_for_nothing_beside_it() -> None:
    seen: list[str] = []

    async def command(name: str) -> None:
        with asked_by(Caller(kind="key", name=name, tenant=name), "r"):
            await asyncio.sleep(0)
            seen.append(who_asked().actor)

    await asyncio.gather(command("a"), command("b"))
    assert sorted(seen) == ["key:a", "key:b"]
    assert who_asked() == Asked("callplane", None, None)


@pytest.mark.parametrize(
    ("tenant", "word"), [(None, "-"), ("acme", "acme"), ("a.b", "a%2Eb"), ("#", "%23"), ("*", "%2A")]
)
def test_a_tenant_is_one_word_of_a_key(tenant: str | None, word: str) -> None:
    assert routing_word(tenant) == word
    assert matches("*.session-closed", f"{word}.session-closed")


@pytest.mark.parametrize(
    ("pattern", "key", "does"),
    [
        ("#", "a.b.c", True),
        ("#", "", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.#", "a", True),
        ("#.c", "a.b.c", True),
        ("*", "", False),
        ("a.b", "a.c", False),
    ],
)
def test_patterns_match_as_a_topic_exchange_does(pattern: str, key: str, does: bool) -> None:
    assert matches(pattern, key) is does


def test_types_are_one_list() -> None:
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES) == 15
    assert "signal" not in EVENT_TYPES


def test_an_event_may_be_of_a_type_that_a_newer_version_has() -> None:
    later = {"id": "a:1", "source": "/", "type": "of-tomorrow", "time": "2026-01-05T12:00:00Z", "data": {}, "new": 1}
    assert read_event(json.dumps(later).encode()).type == "of-tomorrow"


def test_a_routing_word_is_short_in_bytes_whatever_a_tenant_is_called() -> None:
    assert routing_word("zo\u00eb.1") == "zo%C3%AB%2E1"
    assert len(routing_word("\u00eb" * 128).encode()) == 200
