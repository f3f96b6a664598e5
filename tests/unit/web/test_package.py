"""The npm package of the browser SDK: packed, installed without any registry, and imported; how large its core is."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.web.test_sdk import NODE, WEB

SDK = WEB / "sdk"
CORE_GZIP = 36 * 1024
"""Bytes of everything that `index.js` imports, comments and all: it is served as it lies there."""
SCRIPT_GZIP = 25_000
"""The same without its comments, as a bundler leaves it."""


def imported(name: str) -> set[str]:
    """The modules that this one needs before it can run; not what is imported when it is called for."""
    found: set[str] = set()
    left = [name]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += re.findall(r'^(?:import|export)\b[^;]*?"\./([\w.]+)";', (SDK / each).read_text(), re.M)
    return found


def zipped(texts: list[str]) -> int:
    return len(gzip.compress("".join(texts).encode(), 9))


def test_the_core_is_small() -> None:
    core = [(SDK / name).read_text() for name in sorted(imported("index.js"))]
    bare = [re.sub(r"/\*\*.*?\*/|^\s*//[^\n]*", "", text, flags=re.S | re.M) for text in core]
    assert len(core) > 20
    assert zipped(core) < CORE_GZIP
    assert zipped(bare) < SCRIPT_GZIP


def test_it_can_be_packed_installed_without_a_registry_and_imported(tmp_path: Path) -> None:
    def npm(*arguments: str, folder: Path = tmp_path) -> str:
        quiet = ("--offline", "--no-audit", "--no-fund", "--loglevel", "error", "--cache", str(tmp_path / "cache"))
        run = subprocess.run(["npm", *arguments, *quiet], cwd=folder, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    [packed] = json.loads(npm("pack", "--json", "--pack-destination", str(tmp_path), folder=SDK))
    files = {one["path"] for one in packed["files"]}
    assert files == {"package.json", "index.d.ts", *(path.name for path in SDK.glob("*.js"))}
    (tmp_path / "package.json").write_text('{"name": "page", "private": true}')
    npm("install", str(tmp_path / packed["filename"]))
    script = "import('callplane-sdk').then((sdk) => console.log(Object.keys(sdk).sort().join(' ')))"
    run = subprocess.run([str(NODE), "-e", script], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    names = set(run.stdout.split())
    assert {"Callplane", "CallplaneError", "Session", "devices", "synthetic"} <= names
    installed = tmp_path / "node_modules" / "callplane-sdk"
    assert (installed / json.loads((installed / "package.json").read_text())["types"]).is_file()


@pytest.mark.parametrize("field", ["exports", "files", "license", "types", "version"])
def test_the_package_says_what_it_is(field: str) -> None:
    assert json.loads((SDK / "package.json").read_text())[field]
