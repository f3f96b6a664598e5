"""The house itself: how large files are, what they may not say, and that the pages agree with the tools."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.order import LONG

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *(
        "api",
        "bench",
        "callplane",
        "callplane_client",
        "cli",
        "hooks",
        "kurento_client",
        "mediaserver",
        "testkit",
        "web",
    ),
    "wrapper",
)
ROOMS = {
    *PACKAGES,
    *(".ci", ".gitignore", "docker", "docs", "k8s", "tests"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"),
    *("constraints.txt", "pyproject.toml"),
}
"""The top level, whole: a note that was left there by mistake is found."""
LONGEST = 300
RIDDLE = re.compile(
    r"(What|Who|Whose|Whether|Why|When|Where|Which|How|From"
    r"|Telling|Putting|Saying|Getting|Looking|Sending|Opening|Taking|Making|Moving|Waiting)\b"
)
"""A first line that begins like that says what happens, and leaves the reader to find out what does it."""

# Written in pieces, so that this file does not say what it forbids.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org")
MACHINE_PATHS = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/")
FORBIDDEN = re.compile(
    "|".join(["open" + "ai", "anthr" + "opic", "chat" + "gpt", r"\bll" + r"m\b", "clau" + "de"]), re.I
)


def committed(*suffixes: str) -> list[Path]:
    """The files that git knows, or would add, of these kinds (all kinds when none is named)."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20).stdout
    paths = [ROOT / line for line in listed.splitlines()]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def test_the_top_level_holds_what_it_is_known_to_hold() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in committed()} == ROOMS


def test_no_source_file_is_long() -> None:
    sources = committed(".py", ".js", ".mjs", ".css", ".sh")
    long = {str(path.relative_to(ROOT)): n for path in sources if (n := path.read_text().count("\n")) > LONGEST}
    assert sources
    assert long == {}


def test_every_module_of_a_package_says_what_it_is_for() -> None:
    modules = [path for path in committed(".py") if path.relative_to(ROOT).parts[0] in PACKAGES]
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if (text := path.read_text()).strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert modules
    assert silent == []


def test_every_package_but_the_tests_is_type_checked() -> None:
    checked = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"])
    folders = {path.relative_to(ROOT).parts[0] for path in committed(".py")}
    assert folders - {"tests", "docs", "docker", "web"} == checked


def test_the_files_that_begin_first_exist() -> None:
    assert [path for path in LONG if not (ROOT / path).is_file()] == []


def test_what_runs_alone_is_where_make_test_looks_for_it() -> None:
    marked = [path for path in committed(".py") if "pytest.mark." + "alone" in path.read_text()]
    places = [
        ROOT / place for place in re.findall(r"^ALONE := (.*)$", (ROOT / "Makefile").read_text(), re.M)[0].split()
    ]
    assert marked
    assert [path for path in marked if not any(path.is_relative_to(place) for place in places)] == []


def test_a_module_begins_with_its_noun() -> None:
    told = [(path, text) for path in committed(".py") if (text := ast.get_docstring(ast.parse(path.read_text())))]
    ours = [one for one in told if one[0].relative_to(ROOT).parts[0] in (*PACKAGES, "testkit", "bench")]
    assert len(ours) > 250
    riddles = [(str(path.relative_to(ROOT)), text.partition("\n")[0]) for path, text in ours if RIDDLE.match(text)]
    assert riddles == []


@pytest.mark.parametrize("words", [REGISTRIES, MACHINE_PATHS], ids=["registries", "machine paths"])
def test_nothing_names_this_machine_or_a_registry(words: tuple[str, ...]) -> None:
    assert [f"{path.relative_to(ROOT)}: {word}" for path, text in texts() for word in words if word in text] == []


def test_nothing_says_a_forbidden_word() -> None:
    assert [str(path.relative_to(ROOT)) for path, text in texts() if FORBIDDEN.search(text)] == []


def test_versions_are_pinned_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.+!-]*", line)] == []


def test_every_dependency_has_a_pinned_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    pinned = {normal(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    names = {normal(re.split(r"[^A-Za-z0-9_.-]", requirement)[0].partition("==")[0]) for requirement in wanted}
    assert names - pinned == set()


def test_every_make_verb_of_the_readme_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / "README.md").read_text()))
    named |= set(re.findall(r"^\s*make ([a-z]+)", (ROOT / "README.md").read_text(), re.M))
    assert {"demo", "test"} <= named
    assert named - verbs == set()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    assert [command.split()[:2] for command in commands] == [["make", "test"]]


def test_imports_run_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    run = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout


def texts() -> list[tuple[Path, str]]:
    """Every committed file that is text."""
    found = []
    for path in committed():
        try:
            found.append((path, path.read_text()))
        except UnicodeDecodeError:
            continue
    return found


def normal(name: str) -> str:
    """The name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


IN_ONE_WAY = {
    r"asyncio\.gather\(": "for_each, which has a bound and leaves nothing behind",
    r"\w\.exceptions\[": "single_exception, or leaves of callplane/telemetry/failures.py",
    r"asyncio\.wait_for\(": "asyncio.timeout, or pause_unless: in Python 3.11 it may lose a cancellation",
    r"asyncio\.Semaphore\(": "for_each, or a bound that no fan-out has: then name it in BOUNDS",
}

BOUNDS = {
    "api/mailboxes/link_tasks.py",
    "callplane/bus/rabbitmq/publisher.py",
    "wrapper/media/call_slots.py",
    "wrapper/media/candidate_batches.py",
}
"""Where a semaphore bounds what comes from outside by and by."""


def test_each_concurrent_thing_is_done_in_one_way() -> None:
    """That of callplane/concurrency.py: what it replaces had been done in up to eight ways."""
    rooms = ("api", "wrapper", "hooks", "callplane", "cli")
    sources = {str(path.relative_to(ROOT)): path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py")}
    del sources["callplane/concurrency.py"]
    found = [
        f"{name}: use {instead}"
        for name, text in sources.items()
        for spelling, instead in IN_ONE_WAY.items()
        if re.search(spelling, text) and not ("Semaphore" in spelling and name in BOUNDS)
    ]
    assert found == []
