"""The steps on the terminal."""

import io

import pytest

from cli.progress import Progress


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Ascii(io.StringIO):
    """An output that knows no ticks."""

    encoding = "ascii"


def test_elsewhere_than_on_a_terminal_every_change_is_a_line() -> None:
    out = io.StringIO()
    with Progress(out).step("MongoDB") as step:
        step.detail = "private"
    first, second = out.getvalue().splitlines()
    assert first.split() == ["…", "MongoDB"]
    assert second.split()[:2] == ["✓", "MongoDB"]
    assert second.endswith("private")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_line_itself_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    progress = Progress(out)
    with progress.step("first"), progress.step("second"):
        pass
    assert out.getvalue().count("\n") == 2
    assert "\x1b[1A\r\x1b[2K  ✓ second" in out.getvalue()
    assert "\x1b[2A\r\x1b[2K  ✓ first" in out.getvalue()


def test_a_step_that_fails_is_crossed_out() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"), Progress(out).step("MongoDB"):
        raise ValueError("no")
    assert out.getvalue().splitlines()[-1].split()[:2] == ["✗", "MongoDB"]


def test_an_output_without_ticks_is_no_error() -> None:
    out = Ascii()
    with Progress(out).step("MongoDB"):
        pass
    assert "? MongoDB" in out.getvalue()
