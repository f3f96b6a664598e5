"""Prometheus itself: its checker, and a server with our rules on programs of a test."""

import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from cli.machine.ports import free_port
from cli.machine.process import Command, running
from cli.machine.rundir import run_directory
from testkit.deploy.manifests import ROOT
from testkit.servers.until import until

RULES = ROOT / "docker/prometheus/rules/callplane.yml"
EVERY = "500ms"


def tool(name: str) -> str:
    """Where ``make install`` has put a program of Prometheus, unless the machine has its own."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found is not None, f"{name} is missing: .ci/needs prometheus"
    return found


def rules() -> dict[str, dict[str, Any]]:
    """Every alert of ours by its name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def metrics_in(expression: str) -> set[str]:
    """The metrics of ours that an expression names."""
    return set(re.findall(r"\bcallplane_\w+", expression))


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes twice a second; its alerts fire as soon as their expressions hold."""

    url: str

    async def firing(self) -> list[dict[str, str]]:
        """The labels of every alert that fires."""
        found = await self._ask("alerts")
        return [alert["labels"] for alert in found["alerts"] if alert["state"] == "firing"]

    async def targets_up(self) -> int:
        """How many programs answered the last scrape."""
        found = await self._ask("query", query="up == 1")
        return len(found["result"])

    async def until_fires(self, alert: str, seconds: float, **labels: str) -> None:
        """Wait for one alert."""

        async def fires() -> bool:
            return any({"alertname": alert, **labels}.items() <= one.items() for one in await self.firing())

        await until(fires, seconds)

    async def until_quiet(self, alert: str, seconds: float) -> None:
        """Wait until an alert is over."""

        async def quiet() -> bool:
            return all(one["alertname"] != alert for one in await self.firing())

        await until(quiet, seconds)

    async def until_calm(self, seconds: float) -> None:
        """Wait until no alert is left."""

        async def calm() -> bool:
            return not await self.firing()

        await until(calm, seconds)

    async def _ask(self, what: str, **params: str) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.url}/api/v1/{what}", params=params)
            found: dict[str, Any] = json.loads(answer.text)["data"]
            return found


@asynccontextmanager
async def prometheus(jobs: Mapping[str, Sequence[str]]) -> AsyncIterator[Prometheus]:
    """One that knows the URLs of each job by the names of prometheus.yml, for the block."""
    with run_directory() as folder:
        config, port = folder / "prometheus.yml", free_port()
        config.write_text(yaml.safe_dump(_config(folder, jobs)))
        argv = [
            tool("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        async with running(Command("prometheus", argv, folder / "prometheus.log")) as process:
            made = Prometheus(f"http://127.0.0.1:{port}")

            async def ready() -> bool | None:
                async with httpx.AsyncClient(trust_env=False) as client:
                    try:
                        return (await client.get(f"{made.url}/-/ready")).status_code == 200 or None
                    except httpx.TransportError:
                        return None

            await process.until(ready)
            wanted = sum(len(urls) for urls in jobs.values())

            async def scraped() -> bool:
                return await made.targets_up() == wanted

            await until(scraped, 20)
            yield made


def _config(folder: Path, jobs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Our rules without their patience, for a test has none."""
    impatient = re.sub(r"^ *for: .*\n", "", RULES.read_text(), flags=re.M)
    (folder / "rules.yml").write_text(impatient)
    return {
        "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [url.partition("://")[2] for url in urls]}]}
            for job, urls in jobs.items()
        ],
    }
