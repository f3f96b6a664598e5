"""`callplane tenants`: each verb asks for what was said, and quotas are shown with what is taken of them."""

from typing import Any, cast

import pytest

from cli import __main__ as command
from cli.verbs import nouns

QUOTAS = {"sessions": 3, "seats": 0, "requests": 0.5}
TENANT = {"tenant": "acme", "quotas": QUOTAS, "own": ["sessions"]}
ASKED: list[tuple[Any, ...]] = []


class Answers:
    """An API that remembers what it was asked."""

    def __init__(self, *_: object) -> None:
        self.url = ""

    def ask(self, *asked: Any) -> dict[str, Any]:
        """A tenant, or a list of one."""
        ASKED.append(asked)
        if asked == ("GET", "/tenants"):
            return {"tenants": [TENANT], "defaults": QUOTAS}
        return {**TENANT, "used": {"sessions": 2, "seats": 5}} if asked[0] == "GET" else TENANT


@pytest.mark.parametrize(
    ("said", "asked", "shown"),
    [
        (["list"], ("GET", "/tenants"), "acme"),
        (["look", "acme"], ("GET", "/tenants/acme"), "2 of 3"),
        (["look", "acme"], ("GET", "/tenants/acme"), "5 of no bound"),
        (
            ["set", "acme", "sessions=3", "requests=0.5", "seats=default"],
            ("PATCH", "/tenants/acme", {"quotas": {"sessions": 3, "requests": 0.5, "seats": None}}),
            "0.5",
        ),
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
    assert command.main(["tenants", *said]) == 0
    assert [asked] == ASKED
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["sessions", "=3", "sessions=many"])
def test_what_is_no_quota_is_wrong_usage(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["tenants", "set", "acme", wrong])
    assert ended.value.code == 2
    assert "QUOTA=N" in capsys.readouterr().err
