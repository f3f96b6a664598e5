"""The look at what lies about, shown things that lie about."""

from typing import Any

import pytest

from testkit.clients.history import History
from tests.chaos.checker import check
from tests.chaos.leftovers import differences, forgotten, remains, strays
from tests.chaos.story import Story

SESSION = {"_id": "s", "status": "open", "media": b"m\0p", "streams": [{"connection_id": "c"}]}
CONNECTION = {"_id": "c", "session_id": "s", "state": "ready", "kind": "publish", "endpoint": b"m\0e"}
OBJECTS = {"p": {"e"}}


def test_what_is_as_the_documents_say_is_fine() -> None:
    assert differences([SESSION], [CONNECTION], OBJECTS) == []
    assert differences([{**SESSION, "media": None, "streams": []}], [], {}) == []
    assert differences([{**SESSION, "status": "closed"}], [CONNECTION], {}) == []


@pytest.mark.parametrize(
    ("sessions", "connections", "objects", "words"),
    [
        ([], [], OBJECTS, "leaked: pipeline p"),
        ([{**SESSION, "status": "closed"}], [], OBJECTS, "leaked: pipeline p"),
        ([SESSION], [CONNECTION], {}, "lost: pipeline p"),
        ([SESSION], [CONNECTION], {"p": {"e", "twin"}}, "leaked: endpoint twin"),
        ([SESSION], [CONNECTION], {"p": set()}, "lost: endpoint e"),
        ([SESSION], [], {"p": set()}, "leaked: stream c"),
        ([{**SESSION, "streams": []}], [CONNECTION], OBJECTS, "lost: stream c"),
    ],
)
def test_what_is_not_is_said(
    sessions: list[dict[str, Any]], connections: list[dict[str, Any]], objects: dict[str, set[str]], words: str
) -> None:
    [wrong] = differences(sessions, connections, objects)
    assert wrong.startswith(words)


def test_an_accepted_candidate_that_is_not_kept_is_lost() -> None:
    story = Story()
    story.did("ann", "candidates", {"connection": "c", "candidate": "host 1"}, status=202)
    refused = story.did("ann", "candidates", {"connection": "c", "candidate": "host 2"}, status=404)
    assert refused.outcome == "refused"
    held = {**CONNECTION, "candidates": [{"candidate": "host 1"}]}
    assert forgotten(story.history.commands, [held]) == []
    assert forgotten(story.history.commands, []) == []
    [wrong] = forgotten(story.history.commands, [{**held, "candidates": []}])
    assert wrong.startswith("lost: candidate 'host 1'")


def test_a_queue_or_an_exchange_of_a_session_is_left_over() -> None:
    ours = ["wrapper", "dead-letters", "retry", "pod.1.2", "session.s", "user.u"]
    assert remains(ours, ["messages", "session.s"]) == ["queue session.s", "queue user.u", "exchange session.s"]


def test_a_contact_that_does_not_live_is_left_over() -> None:
    pool = [{"_id": "m", "contacts": ["alive", "dead"]}, {"_id": "n", "contacts": []}]
    assert strays(pool, [{"_id": "alive"}]) == ["contact dead of m"]


def test_a_leak_makes_a_verdict_that_is_not_clean() -> None:
    verdict = check(History())
    assert verdict.clean
    verdict.say("leaked", "queue session.s")
    assert not verdict.clean
    assert "leaked: queue session.s" in str(verdict)
