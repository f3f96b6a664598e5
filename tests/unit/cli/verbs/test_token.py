"""`callplane token`: asks for what was said, and prints the token or a link alone; what a token says."""

import json
from typing import Any, cast

import pytest

from callplane_client.tokens import AccessToken
from cli import __main__ as command
from cli.verbs import nouns
from cli.verbs.server import Server


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


def test_a_link_brings_its_token_in_the_fragment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Server, "ask", lambda *_: {"token": "a.b.c", "expires_at": "2026-01-05T13:00:00Z"})
    asked = ["token", "--url", "https://calls.example/#access_token=mine", "--link", "--session"]
    assert command.main([*asked, "daily stand-up/1"]) == command.main([*asked, "*"]) == 0
    assert command.main([*asked, "daily", "--json"]) == 0
    for_one, for_all, *as_json = capsys.readouterr().out.splitlines()
    assert for_one == "https://calls.example/?session=daily%20stand-up%2F1#access_token=a.b.c"
    assert for_all == "https://calls.example/#access_token=a.b.c"
    assert '"link": "https://calls.example/?session=daily#access_token=a.b.c"' in "".join(as_json)


def test_what_a_token_says_is_shown_and_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    token = AccessToken("ada", "daily", grants={"publish": ["microphone"]}).signed("web", "secret")
    assert command.main(["token", "--decode", token, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["sub"], said["session"]) == ("access", "ada", "daily")
    assert said["grants"] == {"publish": ["microphone"]}
    assert command.main(["token", "--decode", "a.b"]) == 1
    assert "This is no token" in capsys.readouterr().err


def test_a_token_without_a_session_is_no_token() -> None:
    with pytest.raises(SystemExit):
        command.main(["token"])
