"""The scripts behind `make`: what they say where they may not install."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory of programs that stand before the machine's: here nobody is root, and sudo wants a password."""
    for name, script in {"id": "echo 1000", "sudo": "exit 1", "apt-get": "touch $0.was-run"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(script: str, *arguments: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts with these programs first on PATH."""
    environment = os.environ | {"PATH": f"{path}:{os.environ['PATH']}"} | variables
    command = [str(ROOT / ".ci" / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_what_may_not_be_installed_is_one_line_that_helps(programs: Path) -> None:
    ran = run("packages", "rabbitmq-server", "chromium", path=programs)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "sudo apt-get install rabbitmq-server chromium" in ran.stderr
    assert not (programs / "apt-get.was-run").exists()


def test_what_is_there_is_not_installed(programs: Path) -> None:
    for name in ("mongod", "chromium"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    assert run("needs", "mongod", "chromium", path=programs).returncode == 0


def test_what_cannot_be_unpacked_is_one_line_that_helps(programs: Path, tmp_path: Path) -> None:
    (programs / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    ran = run("unpack", "prometheus", "prometheus", "promtool", path=programs, VENV=str(tmp_path))
    assert ran.returncode == 1
    assert (
        ran.stderr
        == "Missing here, and not to be had from the distribution: prometheus promtool. Put it on the PATH.\n"
    )


def test_an_unknown_need_is_an_error(programs: Path) -> None:
    assert run("needs", "coffee", path=programs).returncode == 2


def test_an_interpreter_that_is_too_old_is_one_line(programs: Path, tmp_path: Path) -> None:
    old = programs / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ran = run("environment", "embedded", path=programs, PYTHON=str(old), VENV=str(tmp_path / "venv"))
    assert ran.returncode == 1
    assert ran.stderr == f"PYTHON={old} is no Python of version 3.11 or newer\n"


def test_npm_packages_that_cannot_be_had_are_said_clearly(programs: Path, tmp_path: Path) -> None:
    for name, script in {"node": "exit 0", "npm": "echo no such host >&2; exit 1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    for _ in range(2):  # what failed is tried again
        ran = run("needs", "npm", path=programs, VENV=str(tmp_path / "venv"))
        assert ran.returncode == 1
        assert ran.stderr.startswith(
            "no such host\nMissing here, and not to be had from npm's registry: packages of tests/npm."
        )


def test_the_npm_lock_has_exact_versions_and_no_addresses() -> None:
    folder = ROOT / "tests" / "npm"
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    outside = {name: each for name, each in lock.items() if name.startswith("node_modules/") and not each.get("link")}
    assert all(each["version"] and each["integrity"] for each in outside.values())
    assert [name for name, each in outside.items() if "resolved" in each] == []
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    for name in {"kurento-client", "axe-core", "typescript"}:
        assert lock[f"node_modules/{name}"]["version"] == wanted[name]
