"""Runs the JavaScript unit tests of the browser SDK with node's own test runner."""

import subprocess
from pathlib import Path

import playwright
import pytest

HERE = Path(__file__).parent
# Playwright's wheel brings the node that drives it; a distribution's own may be too old (AbortSignal.any came with 20).
NODE = Path(playwright.__file__).parent / "driver" / "node"


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name)
def test_in_node(file: Path) -> None:
    command = [str(NODE), "--test", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
