"""`callplane keys`: each verb asks for what was said, and a secret is printed."""

from typing import Any

import pytest

from tests.unit.cli.verbs.asking import asked_by

KEY = {"name": "shop", "tenant": "acme", "operator": False, "created_at": "2026-01-05T13:00:00Z", "ending": []}


def answer(asked: tuple[Any, ...]) -> dict[str, Any]:
    """A key, or a list of one."""
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
    assert asked_by(["keys", *said], answer, monkeypatch) == [asked]
    assert shown in capsys.readouterr().out
