"""`callplane replay`: the time line of a call, page after page, in lines."""

from typing import Any

import pytest

from tests.unit.cli.verbs.asking import asked_by


def event(n: int | None, type_: str, second: float, **data: Any) -> dict[str, Any]:
    """An event, as the API gives it."""
    return {
        **{"id": f"s:{n}", "type": type_, "time": f"2026-01-05T09:30:{second:06.3f}Z", "sessionversion": n},
        **{"actor": "key:shop", "data": data},
    }


ADA = {"id": "ada-0000-1111", "name": "Ada\x1b[31m"}
REFUSED = event(None, "request-refused", 2.5, problem={"code": "forbidden"})
PAGES = {
    "after=0&limit=500": {
        "events": [event(1, "session-created", 1), event(2, "participant-joined", 2.25, participant=ADA), REFUSED],
        "next": 2,
    },
    "after=2&limit=500": {
        "events": [
            REFUSED,
            event(3, "stream-published", 3, participant_id=ADA["id"], media=["audio"], source=None),
            event(4, "media-lost", 59.5, epoch=2, reason="media-server-lost"),
        ],
        "next": None,
    },
}


def answer(asked: tuple[Any, ...]) -> dict[str, Any]:
    """A page of one call, which has two."""
    method, path = asked
    where, _, query = path.partition("?")
    assert (method, where) == ("GET", "/sessions/s/events")
    return PAGES[query]


def replayed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert len(asked_by(["replay", "s", *more], answer, monkeypatch)) == len(PAGES)
    return capsys.readouterr().out.splitlines()


def test_each_event_is_told_once_by_the_time_since_the_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = replayed(monkeypatch, capsys)
    assert [line.split()[0] for line in lines] == ["+00:00.000", "+00:01.250", "+00:01.500", "+00:02.000", "+00:58.500"]
    assert [line.split()[1] for line in lines] == ["v1", "v2", "request-refused", "v3", "v4"]
    assert "Ada\N{REPLACEMENT CHARACTER}[31m" in lines[3]
    assert lines[3].endswith('key:shop  {"media": ["audio"]}')


def test_less_is_told_where_less_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [lost] = replayed(monkeypatch, capsys, "--type", "media-lost")
    assert lost.startswith("+00:58.500  v4    media-lost")
    assert len(replayed(monkeypatch, capsys, "--participant", ADA["id"])) == 2
    assert replayed(monkeypatch, capsys, "--participant", "bo") == ["Nothing of the kind has happened."]
    assert '"type": "media-lost"' in "".join(replayed(monkeypatch, capsys, "--json", "--type", "media-lost"))
