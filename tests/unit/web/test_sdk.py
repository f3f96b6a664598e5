"""Runs the JavaScript unit tests of SDK and page with node's own test runner, and the type checker over them."""

import subprocess
from pathlib import Path
from typing import get_args

import playwright
import pytest

from callplane.contracts.errors import Code
from testkit.clients.npm import npm_packages

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "web"
# Playwright's wheel brings the node that drives it; a distribution's own may be too old (AbortSignal.any came with 20).
NODE = Path(playwright.__file__).parent / "driver" / "node"


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.name)
def test_in_node(file: Path) -> None:
    # Without --test it runs in this very process, and not in a child of it that a timeout would leave behind.
    command = [str(NODE), str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_code_of_the_api_is_among_the_types() -> None:
    union = (WEB / "sdk" / "index.d.ts").read_text().partition("export type ErrorCode =")[2].partition(";")[0]
    assert [code for code in get_args(Code) if f'"{code}"' not in union] == []


def test_types_hold_in_every_file_of_sdk_and_page() -> None:
    tsc = npm_packages() / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022", "--module", "es2022"]
    found = ["--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable", "--skipLibCheck"]
    files = [
        WEB / "page" / "main.js",
        WEB / "console" / "main.js",
        WEB / "sdk" / "index.js",
        WEB / "sdk" / "index.d.ts",
    ]
    command = [str(NODE), str(tsc), *options, *found, *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout
