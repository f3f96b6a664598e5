"""The health check of the images ends with 0 only when somebody answers, and well."""

import asyncio
import sys
from pathlib import Path

import pytest

from callplane.probes import probes
from cli.machine.ports import free_port
from testkit.deploy.manifests import ROOT
from wrapper.monitoring.metrics import Metrics

SCRIPT = ROOT / "docker/healthcheck.py"


async def ends(address: str) -> tuple[int | None, str]:
    """Status and standard error of the check."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), address, stderr=asyncio.subprocess.PIPE, env={"http_proxy": "http://127.0.0.1:9"}
    )
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("path", "ready", "status"), [("/livez", False, 0), ("/readyz", True, 0), ("/readyz", False, 1)]
)
async def test_a_program_is_as_healthy_as_its_probe_says(path: str, ready: bool, status: int) -> None:
    async with probes("127.0.0.1", 0, lambda: ready, Metrics().text) as port:
        ended, said = await ends(f"http://127.0.0.1:{port}{path}")
    assert ended == status
    assert ("503" in said) == bool(status)


async def test_a_listener_is_healthy_by_taking_a_connection() -> None:
    async with probes("127.0.0.1", 0, lambda: True, Metrics().text) as port:
        assert await ends(f"tcp://127.0.0.1:{port}") == (0, "")


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_nobody_there_is_one_line(scheme: str) -> None:
    status, said = await ends(f"{scheme}://127.0.0.1:{free_port()}")
    assert status == 1
    assert said.count("\n") == 1


def test_it_needs_nothing_but_python() -> None:
    imports = [line.split()[1].split(".")[0] for line in Path(SCRIPT).read_text().splitlines() if "import " in line[:7]]
    assert set(imports) <= sys.stdlib_module_names
