"""`callplane signal`: who is meant, and what is said."""

import io
from typing import Any

import pytest

from tests.unit.cli.verbs.asking import asked_by


def answer(_: tuple[Any, ...]) -> dict[str, Any]:
    """An id."""
    return {"id": "signal-1"}


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (["ping"], {"type": "ping", "data": None}),
        (["chat", "--text", "5"], {"type": "chat", "data": {"text": "5"}}),
        (["quiz", "[1, 2]", "--to", "ada"], {"type": "quiz", "data": [1, 2], "to": ["ada"]}),
        (
            ["quiz", "1", "--to", "ada", "--to", "bo", "--role", "moderator"],
            {"type": "quiz", "data": 1, "to": ["ada", "bo", "role:moderator"]},
        ),
        (["move", "1", "--volatile", "--ttl-ms", "5"], {"type": "move", "data": 1, "volatile": True, "ttl_ms": 5}),
        (["slides", "-"], {"type": "slides", "data": {"page": 3}}),
    ],
)
def test_what_was_said_is_sent(
    said: list[str], body: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"page": 3}'))
    assert asked_by(["signal", "a/b", *said], answer, monkeypatch) == [("POST", "/sessions/a%2Fb/signals", body)]
    assert capsys.readouterr().out == "signal-1\n"


@pytest.mark.parametrize("wrong", [["quiz", "{"], ["chat", "1", "--text", "one"]])
def test_what_is_no_json_or_said_twice_is_wrong_usage(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked_by(["signal", "s", *wrong], answer, monkeypatch, status=2) == []
    assert "--text" in capsys.readouterr().err
