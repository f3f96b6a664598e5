"""`callplane keys`: each verb asks for what was said, and a secret is printed."""

from typing import Any, cast

import pytest

from cli import __main__ as command
from cli.verbs import nouns

KEY = {"name": "shop", "tenant": "acme", "operator": False, "created_at": "2026-01-05T13:00:00Z", "ending": []}
ASKED: list[tuple[Any, ...]] = []


class Answers:
    """An API that remembers what it was asked."""

    def __init__(self, *_: object) -> None:
        self.url = ""

    def ask(self, *asked: Any) -> dict[str, Any]:
        """A key, or a list of one."""
        ASKED.append(asked)
        return {"keys": [KEY]} if asked == ("GET", "/keys") else {**KEY, "secret": "a-secret"}


@pytest.mark.parametrize(
    ("said", "asked", "shown"),
    [
        (["list"], ("GET", "/keys"), "acme"),
        (
            ["make", "shop", "--tenant", "acme"],
            ("POST", "/keys", {"name": "shop", "tenant": "acme", "operator": False}),
            "a-secret",
        ),
        (["rotate", "shop", "--overlap", "60"], ("POST", "/keys/shop/rotate", {"overlap": 60}), "a-secret"),
        (["revoke", "shop"], ("DELETE", "/keys/shop"), ""),
    ],
)
def test_each_verb_asks_for_what_was_said(
    said: list[str],
    asked: tuple[Any, ...],
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(nouns, "Server", cast(Any, Answers))
    ASKED.clear()
    assert command.main(["keys", *said]) == 0
    assert [asked] == ASKED
    assert shown in capsys.readouterr().out
