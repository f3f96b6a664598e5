"""The command line."""

from pathlib import Path

import pytest

from cli import __main__ as command
from cli.options import Options


def given(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Options:
    """The options that ``up`` is run with."""
    seen: list[Options] = []

    def take(options: Options) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr(command, "_up", take)
    assert command.main(["up", *arguments]) == 0
    return seen[0]


def test_nothing_given_leaves_every_choice_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch) == Options()


def test_everything_given_is_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = given(
        monkeypatch,
        *("--host", "::1", "--port", "0", "--amqp-url", "amqp://mq/", "--mongo-url", "mongodb://db/"),
        *("--kms", "ws://a:8888/kurento", "--kms", "ws://b:8888/kurento", "--data-dir", str(tmp_path / "x")),
    )
    assert options == Options(
        host="::1",
        port=0,
        amqp_url="amqp://mq/",
        mongo_url="mongodb://db/",
        kms=("ws://a:8888/kurento", "ws://b:8888/kurento"),
        data_dir=tmp_path / "x",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["up", "--port", "99999"],
        ["up", "--port", "x"],
        ["up", "--amqp-url", "amqp://mq/", "--in-process-bus"],
        ["no"],
    ],
)
def test_mistakes_are_told_without_a_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "words"), [(["--help"], "callplane up"), (["up", "--help"], "examples:")])
def test_help_teaches(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 0
    assert words in capsys.readouterr().out


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["version"]) == 0
    assert capsys.readouterr().out.startswith("callplane ")
