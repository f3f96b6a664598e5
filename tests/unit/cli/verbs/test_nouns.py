"""The operator's command line, before anything is asked."""

from pathlib import Path

import pytest

from cli import __main__ as command
from cli.verbs.address import DEFAULT_URL, whom
from cli.verbs.server import Failed, Server

SESSION = {"id": "s", "custom_id": None, "status": "open", "epoch": 1, "version": 2, "created_at": "now"}


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The status with what was printed and what was complained about."""
    try:
        status = command.main(arguments)
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has kept no profile."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize("noun", ["sessions", "participants", "media-servers", "dead-letters"])
def test_help_teaches(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ended(capsys, noun, "--help")
    assert status == 0
    assert all(words in out for words in ("examples:", "CALLPLANE_API_KEY", "exit status:"))
    status, out, _ = ended(capsys, noun, "list", "--help")
    assert (status, "--json" in out) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["sessions"],
        ["sessions", "list", "--url", "ftp://x"],
        ["sessions", "list", "--url", "http://x:y"],
        ["sessions", "list", "--url", "http://user:two@x"],
        ["sessions", "list", "--limit", "0"],
        ["sessions", "update", "one"],
        ["sessions", "list", "--profile", "nobody"],
        ["check", "ftp://x"],
        ["join", "one", "--record", "call.avi"],
        ["join", "one", "--record", "call.webm", "--no-subscribe"],
        ["media-servers", "add", "one"],
        ["media-servers", "cordon", "one", "--wait", "1"],
        ["dead-letters", "replay"],
        ["dead-letters", "list", "--api-key", "two\nlines"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ended(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "Traceback" not in err


def test_a_key_that_no_header_can_carry_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = ended(capsys, "sessions", "list", "--api-key", "se\ncret")
    assert (status, "cret" in err) == (2, False)


def test_the_environment_says_where_and_who(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Server] = []

    def ask(server: Server, *_: object) -> dict[str, object]:
        seen.append(server)
        return {"sessions": [], "next": None}

    monkeypatch.setattr(Server, "ask", ask)
    monkeypatch.setenv("CALLPLANE_URL", "https://calls.example")
    monkeypatch.setenv("CALLPLANE_API_KEY", "of the environment")
    assert ended(capsys, "sessions", "list")[0] == 0
    assert ended(capsys, "sessions", "list", "--url", "http://here", "--api-key", "given")[0] == 0
    assert seen == [Server("https://calls.example", "of the environment"), Server("http://here", "given")]
    monkeypatch.setenv("CALLPLANE_URL", "nonsense")
    assert ended(capsys, "sessions", "list")[0] == 2


@pytest.mark.parametrize(("last", "status"), [(KeyboardInterrupt(), 130), (Failed("no"), 1)])
def test_watching_looks_again_through_what_passes(
    last: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [{"participants": []}, Failed("away", 3), {"participants": []}, last]

    def ask(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(Server, "ask", ask)
    found, out, err = ended(capsys, "participants", "list", "s", "--watch", "0.1")
    assert (found, out.splitlines(), answers) == (status, ["Nobody is in it."] * 2, [])
    assert err.startswith("callplane: away\n")


def test_what_is_checked_may_stand_alone() -> None:
    given = [command._parser().parse_args(["check", *said]) for said in (["http://a"], ["--url", "http://b"], [])]
    assert [whom(one)[0] for one in given] == ["http://a", "http://b", DEFAULT_URL]


def test_long_lists_come_in_pages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def ask(_: Server, method: str, path: str) -> dict[str, object]:
        asked.append(f"{method} {path}")
        return {"sessions": [{**SESSION, "participants": []}] * 2, "next": "on"}

    monkeypatch.setattr(Server, "ask", ask)
    status, out, _ = ended(capsys, "sessions", "list", "--limit", "4")
    assert (status, out.count("\n")) == (0, 6)
    assert "--limit shows more" in out
    assert asked == ["GET /sessions?limit=4&status=open", "GET /sessions?limit=2&status=open&cursor=on"]


def test_a_letter_that_is_refused_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(_: Server, method: str, path: str) -> dict[str, str]:
        if "two" in path:
            raise Failed("No:\nnot this")
        return {"id": path}

    monkeypatch.setattr(Server, "ask", ask)
    status, out, err = ended(capsys, "dead-letters", "replay", "one", "two", "a/b")
    assert (status, out.splitlines()) == (1, ["Sent again: one", "Sent again: a/b"])
    assert err == "callplane: two: No: not this\n"
