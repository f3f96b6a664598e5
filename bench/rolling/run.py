"""One run: servers, pods and people, a rolling update of everything, and as long a time without one."""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.rolling.deployment import NEXT, Deployment, N, Place, Starter
from bench.rolling.manifest import Workload, environment, workload
from bench.rolling.mixing import Mixing
from bench.rolling.people import Crowd, Size, crowd
from bench.rolling.service import Service, service
from bench.rolling.verdict import Verdict, Window, judge
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from cli.machine.ports import free_port
from cli.machine.process import Command, Process, python
from cli.machine.rundir import run_directory
from testkit.deploy.manifests import ROOT
from testkit.servers.programs import API_KEY, TOKEN_SECRET
from testkit.servers.servers import Servers

TURN_SECRET = "a-turn-secret-of-the-tests-0123456789abcdef"

MAILBOXES, COMMANDS = "mailboxes", "commands"
SETTINGS = {MAILBOXES: "CALLPLANE_MAILBOXES", COMMANDS: "CALLPLANE_COMMANDS"}
Step = tuple[str, str]
"""Which program is rolled out to which version; or a setting, and what pods that start from then on are told."""

PLAIN: tuple[Step, ...] = (("api", N), ("wrapper", N))
MIXED: tuple[Step, ...] = (("wrapper", NEXT), ("api", NEXT), ("wrapper", N), ("api", N))


def switched(steps: tuple[Step, ...], begin: Engine) -> tuple[Step, ...]:
    """The steps with the other engine from the middle on, and back at their end, as the last roll of a wrapper."""
    other = "queues" if begin == "log" else "log"
    middle = len(steps) // 2
    return (*steps[:middle], (MAILBOXES, other), *steps[middle:], (MAILBOXES, begin), ("wrapper", steps[-1][1]))


def moved(begin: CommandQueues) -> tuple[Step, ...]:
    """Commands go to the other queues, wrappers told first and then the api; and back, the other way round."""
    there, back = ("per-session", "sharded") if begin == "sharded" else ("sharded", "per-session")
    order = (("wrapper", N), ("api", N))
    if begin == "per-session":
        return ((COMMANDS, there), *order, (COMMANDS, back), *reversed(order))
    return ((COMMANDS, there), *reversed(order), (COMMANDS, back), *order)


@dataclass(frozen=True)
class Plan:
    """What is started, and what is rolled out in which order."""

    steps: tuple[Step, ...]
    api: str = N
    wrapper: str = N
    mailboxes: Engine = "queues"
    """What the first pods are told about new sessions."""
    commands: CommandQueues = "per-session"
    """What they are told about commands; the manifest's own word needs logs."""
    people: Size = field(default_factory=Size)
    pods: int = 2
    media_servers: int = 2
    calm: float = 0.0
    """Seconds without restarts after those with them; 0 is as long."""
    hold: float = 3.0
    """Seconds for which each mixture of versions lasts before the next step."""
    logs: Path | None = None
    """Where the logs of all processes are kept."""

    @property
    def engines(self) -> set[str]:
        """By which sessions are made while it goes on."""
        return {self.mailboxes, *(what for name, what in self.steps if name == MAILBOXES)}

    @property
    def mixed(self) -> bool:
        """Whether N+1 takes part."""
        return NEXT in (self.api, self.wrapper, *(version for _, version in self.steps))


@dataclass
class Cluster:
    """What the manifests start."""

    deployments: dict[str, Deployment]
    service: Service
    mixing: Mixing
    hold: float
    settings: dict[str, str]
    """What pods that start from now on are told beside their manifest."""

    async def roll(self, steps: tuple[Step, ...]) -> None:
        """Roll out step after step, and wait until the last of the old pods is gone."""
        for name, version in steps:
            if name in SETTINGS:
                self.settings[SETTINGS[name]] = version
                continue
            sample = await self.mixing.before(self.deployments.values())
            await self.deployments[name].roll(version)
            self.mixing.after(sample, self.deployments.values())
            await self.deployments[name].stopped()
            await asyncio.sleep(self.hold)

    def judge(self, verdict: Verdict) -> None:
        """Add how the pods ended to the table."""
        pods = [pod for one in self.deployments.values() for pod in one.all]
        gone = [pod for pod in pods if pod.stopping]
        verdict.row("pods replaced", len(gone), not gone)
        good = [pod for pod in gone if pod.status == 0 and not pod.killed]
        verdict.row("of these ended by themselves within the grace", len(good), len(good) < len(gone))
        for name, one in self.deployments.items():
            took = [pod.stop_seconds for pod in one.all if pod.stop_seconds is not None]
            verdict.row(f"longest stop of {name}, of {one.workload.grace:g} s", f"{max(took, default=0):.1f} s")
        verdict.row("pods not ready while nobody stopped them", sum(pod.unready for pod in pods))
        verdict.row("connections that met no pod", self.service.refused)

    def show_logs(self) -> None:
        """Print the end of every log, after a run that failed."""
        for pod in (pod for one in self.deployments.values() for pod in one.all):
            print(f"--- {pod.name} ({pod.version}, status {pod.status})", file=sys.stderr)
            print(*pod.lines().splitlines()[-30:], sep="\n", file=sys.stderr)


@contextlib.asynccontextmanager
async def cluster(around: Servers, plan: Plan, files: Path) -> AsyncIterator[Cluster]:
    """Pods and media servers for the block; the pods are behind one address."""
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(_media_server(files, n)) for n in range(plan.media_servers)]
        behind = await stack.enter_async_context(service())
        kubelet = await stack.enter_async_context(asyncio.TaskGroup())
        settings = {SETTINGS[MAILBOXES]: str(plan.mailboxes), SETTINGS[COMMANDS]: str(plan.commands)}
        place = Place(_starter(around, urls, settings), files)
        api = Deployment(workload("api"), place, kubelet, behind)
        wrapper = Deployment(workload("wrapper"), place, kubelet)
        made = Cluster({"api": api, "wrapper": wrapper}, behind, Mixing(around.database), plan.hold, settings)
        try:
            await asyncio.gather(wrapper.scale(plan.pods, plan.wrapper), api.scale(plan.pods, plan.api))
            yield made
        except BaseException:
            made.show_logs()
            raise
        finally:
            await asyncio.gather(api.end(), wrapper.end())


def _starter(around: Servers, media: list[str], settings: dict[str, str]) -> Starter:
    secrets = {
        "CALLPLANE_AMQP_URL": around.vhost.url,
        "CALLPLANE_MONGO_URL": around.database.server.url,
        "CALLPLANE_MONGO_DATABASE": around.database.name,
    }
    only = {
        "api": {
            "CALLPLANE_TOKEN_SECRETS": TOKEN_SECRET,
            "CALLPLANE_API_KEYS": f"tests:{API_KEY}",
            "CALLPLANE_TURN_SECRET": TURN_SECRET,
        },
        "wrapper": {"CALLPLANE_KMS_URLS": ",".join(f"kurento-{n}={url}" for n, url in enumerate(media))},
    }
    where = {"api": ("CALLPLANE_HOST", "CALLPLANE_OPERATOR_HOST"), "wrapper": ("CALLPLANE_PROBE_HOST",)}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CALLPLANE_")}

    def start(of: Workload, version: str, host: str) -> tuple[list[str], dict[str, str]]:
        local = secrets | only[of.name] | dict.fromkeys(where[of.name], host)
        return _argv(of, version), clean | environment(of, local) | settings

    return start


def _argv(of: Workload, version: str) -> list[str]:
    """The image's own command; N+1 is the same module by way of the launcher that adds a field."""
    program, option, module = of.command
    if (program, option) != ("python", "-m"):
        raise ValueError(f"{of.name}: {of.command} is no Python module")
    return python(module) if version == N else python("bench.rolling.next", module)


@contextlib.asynccontextmanager
async def _media_server(files: Path, n: int) -> AsyncIterator[str]:
    name = f"kurento-{n}"
    argv = python("mediaserver", "--port", str(free_port()))
    process = Process(Command(name, argv, files / f"{name}.log", cwd=ROOT))
    try:
        yield str((await process.ready_line())["url"])
    finally:
        await process.terminate()


async def prove(around: Servers, plan: Plan) -> Verdict:
    """The whole run; what it showed."""
    with _files(plan) as files:
        async with cluster(around, plan, files) as pods, crowd(pods.service.url, plan.people, files) as people:
            await asyncio.sleep(plan.hold)
            rolling, load = await _rolled(pods, people, plan)
            calm = await _calm(plan.calm or rolling[1] - rolling[0])
            records = await people.finish()
            verdict = judge(records, rolling, calm)
            pods.judge(verdict)
            if plan.mixed:
                await pods.mixing.judge(verdict, list(pods.deployments.values()), records)
            await pods.mixing.judge_engines(verdict, plan.engines)
            verdict.row("seconds of each", f"{rolling[1] - rolling[0]:.0f} and {calm[1] - calm[0]:.0f}")
            verdict.row("CPU of the people, in cores, pods replaced", f"{load:.2f}")
            verdict.row("load average at the end", f"{os.getloadavg()[0]:.1f}")
            return verdict


@contextlib.contextmanager
def _files(plan: Plan) -> Iterator[Path]:
    with run_directory() as files:
        try:
            yield files
        finally:
            if plan.logs is not None:
                shutil.copytree(files, plan.logs, dirs_exist_ok=True)


async def _rolled(pods: Cluster, people: Crowd, plan: Plan) -> tuple[Window, float]:
    began, cpu = time.monotonic(), people.cpu()
    await pods.roll(plan.steps)
    ended = time.monotonic()
    return (began, ended), (people.cpu() - cpu) / (ended - began)


async def _calm(seconds: float) -> Window:
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return began, time.monotonic()
