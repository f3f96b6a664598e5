"""`callplane signal`: who is meant, and what is said."""

import io
from typing import Any, cast

import pytest

from cli import __main__ as command
from cli.verbs import nouns

ASKED: list[tuple[Any, ...]] = []


class Answers:
    """An API that remembers what it was asked."""

    def __init__(self, *_: object) -> None:
        self.url = ""

    def ask(self, *asked: Any) -> dict[str, Any]:
        """An id."""
        ASKED.append(asked)
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
    monkeypatch.setattr(nouns, "Server", cast(Any, Answers))
    monkeypatch.setattr("sys.stdin", io.StringIO('{"page": 3}'))
    ASKED.clear()
    assert command.main(["signal", "a/b", *said]) == 0
    assert [("POST", "/sessions/a%2Fb/signals", body)] == ASKED
    assert capsys.readouterr().out == "signal-1\n"


@pytest.mark.parametrize("wrong", [["quiz", "{"], ["chat", "1", "--text", "one"]])
def test_what_is_no_json_or_said_twice_is_wrong_usage(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nouns, "Server", cast(Any, Answers))
    ASKED.clear()
    assert (command.main(["signal", "s", *wrong]), ASKED) == (2, [])
    assert "--text" in capsys.readouterr().err
