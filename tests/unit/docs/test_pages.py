"""What the pages name exists: links, log lines, variables, verbs, versions; and every alert has its runbook."""

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from api.auth.tokens import BadToken, ParticipantTokens
from api.settings import Settings
from cli.__main__ import main
from hooks.settings import HooksSettings
from testkit.deploy.manifests import ROOT
from wrapper.settings import WrapperSettings

PAGES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/architecture.md",
    "docs/operations.md",
    "k8s/README.md",
)
OPERATIONS = (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize(
    "page", [*PAGES, "README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", path.read_text()) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    named = re.findall(
        r"`((?:api|callplane|callplane_client|docs|docker|k8s|tests|wrapper)/[\w./-]*)`", (ROOT / page).read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_variables_that_are_named_are_read(page: str) -> None:
    known = {
        f"CALLPLANE_{name.upper()}" for kind in (Settings, WrapperSettings, HooksSettings) for name in kind.model_fields
    }
    named = set(re.findall(r"CALLPLANE_[A-Z_]+[A-Z]", (ROOT / page).read_text()))
    # The command line's own.
    assert named - known - {"CALLPLANE_API_KEY", "CALLPLANE_OPERATOR_URL"} == set()


def test_every_log_line_of_the_runbook_is_logged() -> None:
    headings = re.findall(r'^### "(.+)"$', OPERATIONS, re.M)
    assert len(headings) > 5
    code = "".join(
        path.read_text() for package in ("api", "callplane", "hooks", "wrapper") for path in package_files(package)
    )
    assert [line for line in headings if f'"{line}"' not in code] == []


def test_every_alert_has_a_runbook() -> None:
    rules = [path for path in committed("yml", "yaml") if "alert:" in path.read_text()]
    alerts = {name for path in rules for name in re.findall(r"^\s*-?\s*alert: *(\w+)", path.read_text(), re.M)}
    assert {name for name in alerts if not re.search(rf"^### .*\b{name}\b", OPERATIONS, re.M)} == set()


def test_every_verb_of_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = set(re.findall(r"\bops ([\w-]+) ([\w-]+)", OPERATIONS))
    assert ("media-servers", "drain") in verbs
    for noun, verb in verbs:
        with pytest.raises(SystemExit) as ended:
            main([noun, verb, "--help"])
        assert ended.value.code == 0, (noun, verb, capsys.readouterr().err)


def test_versions_that_are_run_or_rendered_are_in_the_table() -> None:
    page = (ROOT / "README.md").read_text()
    rows = {row.split("|")[1].strip(): row for row in page.splitlines() if row.startswith("| ")}
    compose = (ROOT / "docker/compose.yaml").read_text()
    for name, image in {
        "RabbitMQ": r"image: rabbitmq:(\d+)",
        "MongoDB": r"image: mongo:(\d+)",
        "Kurento": r"media-server:(\d+)",
    }.items():
        (major,) = set(re.findall(image, compose))
        assert re.search(rf"\b{major}\b", rows[name]), name
    oldest, newest = re.findall(
        r'OLDEST, NEWEST = "(.+)", "(.+)"', (ROOT / "tests/unit/k8s/test_rendering.py").read_text()
    )[0]
    assert oldest in rows["Kubernetes"]
    assert newest in rows["Kubernetes"]


def test_secrets_rotate_as_the_page_says_without_refusing_anybody() -> None:
    old, new = "o" * 40, "n" * 40
    steps = [ParticipantTokens(secrets) for secrets in ([old], [old, new], [new, old])]
    for before, after in itertools.pairwise(steps):
        for signs, verifies in ((before, after), (after, before), (before, before), (after, after)):
            assert verifies.verify(signs.sign("session", "seat")).participant_id == "seat"
    # The shortcut that the page warns of: old pods refuse what new ones sign.
    with pytest.raises(BadToken):
        steps[0].verify(steps[2].sign("session", "seat"))


def package_files(package: str) -> list[Path]:
    """Every module of a package."""
    return sorted((ROOT / package).rglob("*.py"))


def committed(*suffixes: str) -> list[Path]:
    """Files that git knows, or would add."""
    patterns = [f"*.{suffix}" for suffix in suffixes]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20).stdout
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]
