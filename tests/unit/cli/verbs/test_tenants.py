"""`callplane tenants`: each verb asks for what was said, and quotas are shown with what is taken of them."""

from typing import Any

import pytest

from cli import __main__ as command
from tests.unit.cli.verbs.asking import asked_by

QUOTAS = {"sessions": 3, "seats": 0, "requests": 0.5}
TENANT = {"tenant": "acme", "quotas": QUOTAS, "own": ["sessions"]}


def answer(asked: tuple[Any, ...]) -> dict[str, Any]:
    """A tenant, or a list of one."""
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
    assert asked_by(["tenants", *said], answer, monkeypatch) == [asked]
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["sessions", "=3", "sessions=many"])
def test_what_is_no_quota_is_wrong_usage(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["tenants", "set", "acme", wrong])
    assert ended.value.code == 2
    assert "QUOTA=N" in capsys.readouterr().err
