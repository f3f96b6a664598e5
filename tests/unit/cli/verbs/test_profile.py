"""`callplane profile`: servers by name, and which of them a verb asks, with which key."""

import stat
from pathlib import Path

import pytest

from cli import __main__ as command
from cli.profiles import Profiles, place
from cli.verbs.server import Failed, Server


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has said nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("URL", "API_KEY", "PROFILE", "OPERATOR_URL"):
        monkeypatch.delenv(f"CALLPLANE_{name}", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Who was asked."""
    seen: list[Server] = []

    def ask(server: Server, *_: object) -> dict[str, object]:
        seen.append(server)
        return {"sessions": [], "media_servers": [], "next": None}

    monkeypatch.setattr(Server, "ask", ask)
    return seen


def run(*given: str) -> int:
    return command.main(given)


def kept() -> None:
    """Two servers, of which the first is the default one."""
    assert run("profile", "add", "prod", "--url", "https://calls.example", "--api-key", "of-prod") == 0
    more = ("--api-key", "of-lab", "--operator-url", "http://lab:8081")
    assert run("profile", "add", "lab", "--url", "http://lab", *more) == 0


PROD = Server("https://calls.example", "of-prod")


@pytest.mark.parametrize(
    ("environment", "options", "server"),
    [
        ({}, [], PROD),
        ({"API_KEY": "mine"}, [], PROD),
        ({}, ["--profile", "lab"], Server("http://lab", "of-lab")),
        ({"PROFILE": "lab"}, [], Server("http://lab", "of-lab")),
        ({"URL": "http://env", "PROFILE": "lab"}, [], Server("http://lab", "of-lab")),
        ({"URL": "http://env"}, [], Server("http://env", None)),
        ({"URL": "http://env", "API_KEY": "mine"}, [], Server("http://env", "mine")),
        ({}, ["--url", "http://here"], Server("http://here", None)),
        ({"PROFILE": "lab"}, ["--url", "http://here"], Server("http://here", None)),
        ({}, ["--api-key", "given"], Server("https://calls.example", "given")),
    ],
)
def test_a_key_goes_to_the_address_that_it_was_kept_with(
    environment: dict[str, str],
    options: list[str],
    server: Server,
    asked: list[Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept()
    for name, value in environment.items():
        monkeypatch.setenv(f"CALLPLANE_{name}", value)
    assert run("sessions", "list", *options) == 0
    assert asked == [server]


def test_operators_verbs_ask_at_the_operators_address(asked: list[Server]) -> None:
    kept()
    assert run("media-servers", "list", "--profile", "lab") == run("media-servers", "list") == 0
    assert asked == [Server("http://lab:8081", "of-lab"), PROD]


def test_one_is_used_listed_and_removed(
    asked: list[Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    assert run("profile", "use", "lab") == run("sessions", "list") == 0
    assert asked == [Server("http://lab", "of-lab")]
    capsys.readouterr()
    assert run("profile", "list") == 0
    listed = capsys.readouterr().out
    assert "of-" not in listed
    assert [line.split() for line in listed.splitlines()[1:]] == [
        ["lab", "http://lab", "yes", "yes"],
        ["prod", "https://calls.example", "yes", "no"],
    ]
    assert run("profile", "remove", "lab") == run("sessions", "list") == 0
    assert asked[-1] == Server("http://127.0.0.1:8080", None)
    assert run("sessions", "list", "--profile", "lab") == run("profile", "use", "lab") == 2
    assert "There is no profile 'lab': prod." in capsys.readouterr().err


def test_only_its_owner_can_read_the_file_and_a_link_keeps_its_token_to_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLPLANE_API_KEY", "of-the-environment")
    assert run("profile", "add", "here", "--url", "http://127.0.0.1:8080/#access_token=abc") == 0
    assert stat.S_IMODE(place().stat().st_mode) == 0o600
    assert "abc" not in capsys.readouterr().out
    assert Profiles.read().named("here").api_key == "of-the-environment"
    assert [one.name for one in place().parent.iterdir()] == [place().name]


def test_a_file_that_cannot_be_read_is_one_sentence_and_is_left_alone(
    asked: list[Server], capsys: pytest.CaptureFixture[str]
) -> None:
    kept()
    for text in ("{", "[]", '{"profiles": {"a": {"uri": 1}}, "default": null}'):
        place().write_text(text)
        assert run("sessions", "list") == run("profile", "add", "x", "--url", "http://x") == 2
        assert run("sessions", "list", "--url", "http://x") == 0
        assert "cannot be read" in capsys.readouterr().err
        assert place().read_text() == text


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "callplane").write_text("a file")
    with pytest.raises(Failed, match="cannot be written"):
        Profiles().write()
