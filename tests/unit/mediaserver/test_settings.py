"""The command line."""

import pytest

from mediaserver.settings import MediaSettings, Settings, parse_settings


def test_defaults_are_kurentos() -> None:
    assert parse_settings([]) == Settings(host="127.0.0.1", port=8888, path="kurento", gc_period=240.0)


def test_everything_can_be_told() -> None:
    line = "--host 0.0.0.0 --port 0 --path /k --name m --gc-period 0.5 --exception-limit 0.7 --max-video-bitrate 900"
    line += " --media-timeout 8 --flow-timeout 1.5 --address 192.0.2.1 --address 192.0.2.2"
    assert parse_settings(line.split()) == Settings(
        "0.0.0.0", 0, "k", 0.5, 0.7, "m", MediaSettings(900, 8.0, 1.5, ("192.0.2.1", "192.0.2.2"))
    )


@pytest.mark.parametrize("wrong", ["--gc-period=0", "--media-timeout=-1", "--flow-timeout=nan", "--port=x"])
def test_what_makes_no_sense_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_settings([wrong])
    assert wrong.partition("=")[0] in capsys.readouterr().err


def test_help_says_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_settings(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert '"ready": true' in said
    assert "--gc-period" in said
