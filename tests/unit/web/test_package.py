"""The npm package of the browser SDK: packed, installed without any registry, and imported; how large its core is."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from api.http.bare_scripts import bare
from testkit.clients.npm import npm_packages
from tests.unit.web.test_sdk import NODE, WEB

SDK = WEB / "sdk"
TOKENS = Path(__file__).with_name("tokens.mjs")
CORE_GZIP = 32 * 1024
"""Bytes of everything that `index.js` imports, comments and all, as it lies in the package."""
SCRIPT_GZIP, ALL_GZIP = 18_500, 45_000
"""The same as it is served and as a bundler leaves it, without comments; and every module."""
APART_GZIP = 25_000
"""Where a proxy compresses module by module, and none knows the words of another."""


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
    assert len(core) > 20
    assert zipped(core) < CORE_GZIP
    assert zipped([bare(text) for text in core]) < SCRIPT_GZIP
    assert sum(zipped([bare(text)]) for text in core) < APART_GZIP
    assert sum(zipped([bare(path.read_text())]) for path in SDK.glob("*.js")) < ALL_GZIP


@pytest.mark.parametrize("folder", ["sdk", "page", "console"])
def test_what_is_served_is_the_source_but_for_its_comments(folder: str, tmp_path: Path) -> None:
    for path in (WEB / folder).glob("*.js"):
        (tmp_path / path.name).write_text(bare(path.read_text()))
    typescript = npm_packages() / "typescript" / "lib" / "typescript.js"
    command = [str(NODE), str(TOKENS), str(typescript), str(WEB / folder), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout == f"{len(list(tmp_path.iterdir()))} compared\n", run.stdout + run.stderr
    assert not any("/**" in path.read_text() for path in tmp_path.iterdir())


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
