"""The images: every COPY, RUN and CMD line is carried out in empty directories, and by an engine where one answers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from cli.machine.ports import free_port
from cli.machine.process import Command, Process, running
from testkit.deploy.dockerfile import read_dockerfile
from testkit.deploy.images import Builder, Image
from testkit.deploy.manifests import ROOT, rendered
from testkit.servers.servers import Servers

TARGETS = ("api", "wrapper", "mediaserver")
DOCKERFILE = ROOT / "docker/Dockerfile"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    scratch = tmp_path_factory.mktemp("images")
    yield Builder(read_dockerfile(DOCKERFILE), ROOT, scratch)
    shutil.rmtree(scratch)


@pytest.mark.parametrize("target", TARGETS)
def test_the_program_in_the_image_is_the_one_that_was_copied(builder: Builder, target: str) -> None:
    image = builder.build(target)
    asked = ["python", "-c", f"import {target}; print({target}.__file__)"]
    found = subprocess.run(
        image.argv(asked),
        env=image.variables(),
        cwd=image.path(image.workdir),
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert Path(found.stdout.decode().strip()).is_relative_to(image.root)


async def test_the_wrapper_runs_and_is_found_healthy(builder: Builder, servers: Servers, tmp_path: Path) -> None:
    image = builder.build("wrapper")
    port = free_port()
    env = {"CALLPLANE_PROBE_HOST": "127.0.0.1", "CALLPLANE_PROBE_PORT": str(port)}
    async with started(image, tmp_path, env | addresses(servers)) as process:
        assert await process.ready_line() == {"ready": True, "url": f"http://127.0.0.1:{port}"}
        assert health(image, port) == 0
        assert await process.terminate(within=grace("wrapper")) == 0
    assert health(image, port) == 1


async def test_the_api_runs_and_serves_the_page(builder: Builder, servers: Servers, tmp_path: Path) -> None:
    image = builder.build("api")
    port = free_port()
    env = {"CALLPLANE_HOST": "127.0.0.1", "CALLPLANE_PORT": str(port), "CALLPLANE_TOKEN_SECRETS": "s" * 40}
    async with started(image, tmp_path, env | addresses(servers)) as process:
        await process.ready_line()
        assert health(image, port) == 0
        assert health(image, port, "/sdk/index.js") == 0
        assert await process.terminate(within=grace("api")) == 0
    assert health(image, port) == 1


async def test_the_media_server_runs_and_is_found_healthy(builder: Builder, tmp_path: Path) -> None:
    image = builder.build("mediaserver")
    port = free_port()
    async with started(image, tmp_path, {}, "--host", "127.0.0.1", "--port", str(port)) as process:
        await process.ready_line()
        assert health(image, port) == 0
        assert await process.terminate() == 0
    assert health(image, port) == 1


async def test_without_settings_the_api_says_what_is_missing(builder: Builder, tmp_path: Path) -> None:
    async with started(builder.build("api"), tmp_path, {}) as process:
        assert await process.ended() == 2
        assert process.output() == "CALLPLANE_TOKEN_SECRETS: is not set.\n"


@pytest.mark.parametrize("target", TARGETS)
def test_an_engine_builds_it_where_one_answers(target: str) -> None:
    if not engine_answers():
        pytest.skip("no Docker engine answers here; the lines were carried out without one")
    command = ["docker", "build", "--quiet", "--file", DOCKERFILE, "--target", target, ROOT]
    built = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert built.returncode == 0, built.stderr


def started(image: Image, tmp_path: Path, env: dict[str, str], *arguments: str) -> AbstractAsyncContextManager[Process]:
    """The image's own CMD, with arguments that come after it."""
    argv = image.argv([*image.command, *arguments])
    where = image.path(image.workdir)
    return running(Command("image", argv, tmp_path / "log", image.variables() | env, where))


def health(image: Image, port: int, path: str = "/livez") -> int:
    """How the image's own HEALTHCHECK ends, on the port that the program has here."""
    (inside,) = image.ports
    words = [word.replace(f":{inside}", f":{port}").replace("/livez", path) for word in image.health]
    assert any(f":{port}" in word for word in words)
    run = subprocess.run(image.argv(words), env=image.variables(), capture_output=True, timeout=30, check=False)
    return run.returncode


def addresses(servers: Servers) -> dict[str, str]:
    """Where broker and database are."""
    return {
        "CALLPLANE_AMQP_URL": servers.vhost.url,
        "CALLPLANE_MONGO_URL": servers.database.url,
        "CALLPLANE_MONGO_DATABASE": servers.database.name,
    }


def grace(program: str) -> float:
    """The seconds that the cluster grants between SIGTERM and SIGKILL."""
    return float(rendered("overlays/prod").container(program).pod["spec"]["terminationGracePeriodSeconds"])


def engine_answers() -> bool:
    """Whether a Docker engine is behind the client."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, timeout=20, check=False
    )
    return asked.returncode == 0
