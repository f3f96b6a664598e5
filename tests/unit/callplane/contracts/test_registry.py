"""Command registry: a class is found by its wire name once it is defined; nothing else changes on the wire."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from callplane.contracts.commands import Caller, Candidate, Candidates, Envelope, Join, Joined, Leave, Publish
from callplane.contracts.model import Wire
from callplane.contracts.registry import AnyCommand, Command, command_names

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Waved(Wire):
    """What waving comes to."""

    hands: int


class Wave(Command[Waved]):
    """A command that only this test knows."""

    name: Literal["test-wave"] = "test-wave"
    hands: int = 1


def envelope(body: AnyCommand) -> Envelope:
    return Envelope(id="c", session_id="s", caller=Caller(kind="key", name="k"), deadline=AT, body=body)


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (
            Join(display_name="Ada"),
            '{"name":"join","participant_id":null,"display_name":"Ada","role":"publisher","metadata":{},"identity":null,'
            '"grants":null}',
        ),
        (
            Candidates(participant_id="p", connection_id="x", candidates=[Candidate(candidate="c", sdp_mid="0")]),
            '{"name":"candidates","participant_id":"p","connection_id":"x",'
            '"candidates":[{"candidate":"c","sdp_mid":"0","sdp_m_line_index":0}]}',
        ),
        (Leave(participant_id="p"), '{"name":"leave","participant_id":"p","reason":"left","kick":false}'),
        (
            Publish(participant_id="p", sdp_offer="v=0"),
            '{"name":"publish","participant_id":"p","sdp_offer":"v=0","replaces":null,"source":null}',
        ),
        (Wave(hands=2), '{"name":"test-wave","hands":2}'),
    ],
)
def test_a_command_is_written_and_read_back_by_its_name(body: AnyCommand, written: str) -> None:
    text = envelope(body).model_dump_json()
    assert text == (
        '{"id":"c","session_id":"s","caller":{"kind":"key","name":"k","participant_id":null,"role":null,"tenant":null,"quotas":null},'
        '"deadline":"2026-01-05T09:00:00Z","sent_at":null,"request_id":null,"traceparent":null,'
        '"commands":"per-session","body":' + written + "}"
    )
    read = Envelope.model_validate_json(text)
    assert read.body == body
    assert type(read.body) is type(body)


@pytest.mark.parametrize("body", [None, "join", [], {}, {"name": "no-such"}, {"name": ["join"]}, {"name": "leave"}])
def test_what_is_no_command_is_not_valid(body: Any) -> None:
    with pytest.raises(ValidationError):
        envelope(body)


def test_a_command_says_what_it_is_answered_with() -> None:
    assert Join.reply_type() is Joined
    assert Wave.reply_type() is Waved


def test_metrics_know_it_by_its_name() -> None:
    assert {"create", "close", "join", "leave", "publish", "subscribe", "test-wave"} <= set(command_names())


def test_a_variant_does_not_take_the_place_of_a_command() -> None:
    class NextJoin(Join):
        hands: int = 0

    assert type(Envelope.model_validate(envelope(NextJoin(hands=1)).model_dump()).body) is Join


def test_two_commands_cannot_have_one_name() -> None:
    with pytest.raises(TypeError, match="join"):

        class _Other(Command[Waved]):
            name: Literal["join"] = "join"
