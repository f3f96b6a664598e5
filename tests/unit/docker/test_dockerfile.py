"""What the Dockerfile promises without being built: no root, no shell, nothing copied that is not sent."""

import re

import pytest

from testkit.deploy.dockerfile import Stage, read_dockerfile
from testkit.deploy.manifests import ROOT, rendered

FOLDER = ROOT / "docker"
STAGES = read_dockerfile(FOLDER / "Dockerfile")
TARGETS = ("api", "wrapper", "hooks", "mediaserver")
PORT = {"api": "CALLPLANE_PORT", "wrapper": "CALLPLANE_PROBE_PORT", "hooks": "CALLPLANE_PROBE_PORT"}


def lineage(target: str) -> list[Stage]:
    """The stages that an image stands on, its own last."""
    found = [STAGES[target]]
    while found[0].base in STAGES:
        found.insert(0, STAGES[found[0].base])
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_nobody_is_root(target: str) -> None:
    users = [line.rest for stage in lineage(target) for line in stage.of("USER")]
    assert users
    # A number: Kubernetes cannot tell from a name whether it is root's (runAsNonRoot).
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    if target in PORT:
        wanted = rendered("overlays/prod").container(target).pod["spec"]["securityContext"]
        assert users[-1] == f"{wanted['runAsUser']}:{wanted['runAsGroup']}"


@pytest.mark.parametrize("target", TARGETS)
def test_the_program_gets_signals_itself_and_is_looked_at(target: str) -> None:
    stage = STAGES[target]
    (command,), (health,) = stage.of("CMD"), stage.of("HEALTHCHECK")
    assert command.command()[:3] == ["python", "-m", target]
    (port,) = stage.of("EXPOSE")
    assert f":{port.rest}" in health.command()[-1]


@pytest.mark.parametrize("target", PORT)
def test_image_and_manifests_agree_on_the_port(target: str) -> None:
    stage = STAGES[target]
    env = dict(word.split("=", 1) for line in stage.of("ENV") for word in line.words())
    (port,) = stage.of("EXPOSE")
    assert env[PORT[target]] == port.rest
    assert rendered("overlays/prod").container(target).env()[PORT[target]] == port.rest


def test_every_base_is_the_same_and_named() -> None:
    assert {stage.base for stage in STAGES.values()} - STAGES.keys() == {"python:3.11.13-slim-bookworm"}


def test_everything_that_is_copied_is_there_and_is_sent_to_the_engine() -> None:
    sent = [line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        word
        for stage in STAGES.values()
        for line in stage.of("COPY")
        if not line.rest.startswith("--from")
        for word in line.words()[:-1]
    ]
    assert copied
    assert [word for word in copied if not (ROOT / word).exists()] == []
    assert sorted(copied) == sorted(sent)


def test_every_package_is_copied() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"testkit"}  # which no program needs
    assert packages <= {word for line in STAGES["build"].of("COPY") for word in line.words()}


def test_packages_are_pinned_and_no_index_is_named() -> None:
    installs = [line.rest for stage in STAGES.values() for line in stage.of("RUN") if "pip install" in line.rest]
    assert installs
    assert [text for text in installs if "constraints.txt" not in text] == []
    assert [text for text in installs if re.search(r"index|://", text)] == []
