"""`callplane token`: asks for what was said, and prints the token alone."""

from typing import Any, cast

import pytest

from cli import __main__ as command
from cli.verbs import nouns


class Answers:
    """An API that remembers what it was asked."""

    def __init__(self, *_: object) -> None:
        self.url = ""

    def ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A token."""
        assert (method, path) == ("POST", "/tokens")
        assert body == {"session": "daily", "identity": "ada", "role": "moderator", "seconds": 60}
        return {"token": "a.b.c", "expires_at": "2026-01-05T13:00:00Z"}


@pytest.mark.parametrize(("more", "said"), [([], "a.b.c\n"), (["--json"], '"token": "a.b.c"')])
def test_a_token_is_printed_alone(
    more: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nouns, "Server", cast(Any, Answers))
    asked = ["--session", "daily", "--identity", "ada", "--role", "moderator", "--seconds", "60"]
    assert command.main(["token", *asked, *more]) == 0
    out = capsys.readouterr().out
    assert out == said if not more else said in out


def test_a_token_without_a_session_is_no_token() -> None:
    with pytest.raises(SystemExit):
        command.main(["token"])
