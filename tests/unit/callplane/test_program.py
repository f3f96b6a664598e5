"""What ``python -m api`` and ``python -m wrapper`` have in common, from ``--help`` to the exit."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import Field

from api.__main__ import main as api
from api.settings import Settings as ApiSettings
from callplane.contracts.errors import Trouble, Unavailable
from callplane.program import About, ProgramSettings, UntilStopped, run_program, shown_default
from wrapper.__main__ import main as wrapper
from wrapper.settings import WrapperSettings

ROOT = Path(__file__).parents[3]

ABOUT = About("python -m toy", "The toy", "Does nothing.", "CALLPLANE_SECRET=x python -m toy")

# Says that it is ready, is asked to stop, and hangs.
HANGING = """
import asyncio, sys
from callplane.program import About, ProgramSettings, run_program

async def work(settings, until_stopped):
    await until_stopped("http://toy", last_seconds=0.1)
    await asyncio.Event().wait()

sys.exit(run_program(About("toy", "The toy", "", ""), ProgramSettings, work, arguments=[]))
"""


# Leaves things behind that would end with the interpreter, and words that nobody has flushed.
ENDING = """
import atexit, sys
from callplane.program import end_process

atexit.register(print, "taken apart")
print("done")
end_process(3)
"""


class ToySettings(ProgramSettings):
    """One that has to be set, and one with a bound."""

    secret: str = Field(min_length=8, description="a secret")
    count: int = Field(1, ge=1, description="how many")


@pytest.mark.parametrize(
    ("program", "settings"), [(api, ApiSettings), (wrapper, WrapperSettings)], ids=["api", "wrapper"]
)
def test_help_names_each_setting_with_what_it_is_and_its_default(
    program: Callable[[list[str]], int], settings: type[ProgramSettings], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program(["--help"])
    assert ended.value.code == 0
    words = capsys.readouterr().out.split()
    for name, field in settings.model_fields.items():
        default = shown_default(field)
        said = f"{field.description} ({'has to be set' if default is None else f'default: {default}'})".split()
        at = words.index(f"CALLPLANE_{name.upper()}")
        assert words[at + 1 : at + 1 + len(said)] == said, name


def test_wrong_settings_are_a_sentence_each_and_secrets_stay_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLPLANE_SECRET", "hunter2")
    monkeypatch.setenv("CALLPLANE_COUNT", "0")
    assert run_program(ABOUT, ToySettings, _never, arguments=[]) == 2
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "CALLPLANE_SECRET: String should have at least 8 characters.",
        "CALLPLANE_COUNT: Input should be greater than or equal to 1.",
    ]
    monkeypatch.delenv("CALLPLANE_SECRET")
    monkeypatch.delenv("CALLPLANE_COUNT")
    assert run_program(ABOUT, ToySettings, _never, arguments=[]) == 2
    assert capsys.readouterr().err == "CALLPLANE_SECRET: is not set.\n"


@pytest.mark.parametrize("trouble", [Unavailable("no broker"), Trouble("no broker"), OSError("no broker")])
def test_what_keeps_it_from_starting_is_a_sentence(trouble: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    async def work(_settings: ProgramSettings, _until_stopped: UntilStopped) -> None:
        raise trouble

    assert run_program(ABOUT, ProgramSettings, work, arguments=[]) == 1
    assert capsys.readouterr().err == "The toy cannot start: no broker.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_a_signal_ends_it_even_if_it_hangs(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, env={**os.environ}) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"ready": True, "url": "http://toy"}
        process.send_signal(number)
        assert process.wait(timeout=30) == 0


def test_the_wrapper_does_not_load_what_only_the_api_serves_with() -> None:
    loaded = "import sys, wrapper.__main__; print([m for m in ('fastapi', 'starlette', 'uvicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def _never(_settings: ProgramSettings, _until_stopped: UntilStopped) -> None:
    raise AssertionError("wrong settings start nothing")


def test_the_end_waits_for_no_interpreter_and_loses_no_word() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "done\n", "")


@pytest.mark.parametrize("program", ["api", "wrapper"])
def test_each_program_ends_so(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(status: int) -> NoReturn:
        raise SystemExit(status)

    monkeypatch.setattr("os._exit", ended)
    monkeypatch.setattr("sys.exit", None)
    monkeypatch.setattr("sys.argv", [program])
    monkeypatch.setenv("CALLPLANE_LOG_LEVEL", "loud")
    with pytest.raises(SystemExit) as found:
        runpy.run_path(str(ROOT / program / "__main__.py"), run_name="__main__")
    assert found.value.code == 2
    assert "CALLPLANE_LOG_LEVEL" in capsys.readouterr().err
