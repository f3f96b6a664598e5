"""Pods as processes, and the rolling update of them as the Deployment controller and the kubelet do it."""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.rolling.manifest import Probe, Workload
from bench.rolling.service import Service
from cli.machine.process import Command, Process
from testkit.deploy.manifests import ROOT

PROXY_SECONDS = 2.0
"""How long proxies go on sending new connections to a pod that is being stopped: the endpoint's removal travels
through API server and kube-proxy meanwhile. The manifest's preStop sleep must be longer."""

START_SECONDS = 60.0

N, NEXT = "N", "N+1"


Starter = Callable[[Workload, str, str], tuple[list[str], dict[str, str]]]
"""Argv and environment of one program, in one version, on one address."""


@dataclass(frozen=True)
class Place:
    """Where pods run; ``logs`` keeps their output."""

    start: Starter
    logs: Path
    network: str = field(default_factory=lambda: f"127.{random.randint(1, 254)}.{random.randint(0, 255)}")
    _hosts: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def address(self) -> str:
        """An address of the pod's own, so that its port is the manifest's."""
        return f"{self.network}.{next(self._hosts)}"


@dataclass
class Pod:
    """One process, its readiness, and how it ended."""

    name: str
    version: str
    host: str
    process: Process
    ready_since: float | None = None
    unready: int = 0
    """How often it was taken out of the endpoints while nobody stopped it."""
    stopping: bool = False
    status: int | None = None
    stop_seconds: float | None = None
    killed: bool = False

    def lines(self) -> str:
        """Its log."""
        return self.process.output()


class Deployment:
    """The pods of one program."""

    def __init__(self, of: Workload, place: Place, kubelet: asyncio.TaskGroup, behind: Service | None = None) -> None:
        self.workload = of
        self._place = place
        self._kubelet = kubelet
        self._service = behind
        self.pods: list[Pod] = []
        """Those that serve, the oldest first."""
        self.all: list[Pod] = []
        self._stops: list[asyncio.Task[None]] = []
        self._probes: list[asyncio.Task[None]] = []

    async def scale(self, replicas: int, version: str) -> None:
        """Start so many and wait until they are available."""
        await self._add(replicas, version)

    async def roll(self, version: str) -> None:
        """Replace every pod: a new one is available before an old one is told to stop, and nobody waits for its end."""
        old = list(self.pods)
        while old:
            batch, old = old[: self.workload.surge], old[self.workload.surge :]
            await self._add(len(batch), version)
            for pod in batch:
                self.pods.remove(pod)
                self._stops.append(self._kubelet.create_task(self._stop(pod)))

    async def stopped(self) -> None:
        """Wait until every pod that was told to stop is gone."""
        await asyncio.gather(*self._stops)

    async def end(self) -> None:
        """Stop everything that is left, without ceremony."""
        for task in self._probes:
            task.cancel()
        await asyncio.gather(*(pod.process.terminate() for pod in self.all))

    async def _add(self, count: int, version: str) -> None:
        pods = [self._start(version) for _ in range(count)]
        self.pods += pods
        async with asyncio.timeout(START_SECONDS + self.workload.min_ready):
            await asyncio.gather(*(self._available(pod) for pod in pods))

    def _start(self, version: str) -> Pod:
        host = self._place.address()
        argv, env = self._place.start(self.workload, version, host)
        name = f"{self.workload.name}-{len(self.all) + 1}"
        command = Command(name, argv, self._place.logs / f"{name}.log", env, ROOT)
        pod = Pod(name, version, host, Process(command))
        self.all.append(pod)
        self._probes.append(self._kubelet.create_task(self._probe(pod)))
        return pod

    async def _available(self, pod: Pod) -> None:
        while pod.ready_since is None or time.monotonic() - pod.ready_since < self.workload.min_ready:
            if pod.process.returncode is not None:
                raise RuntimeError(f"{pod.name} ended with {pod.process.returncode}: {pod.process.last_words()}")
            await asyncio.sleep(0.05)

    async def _probe(self, pod: Pod) -> None:
        """The kubelet's probes: at its start until it lives, then of its readiness for as long as it runs."""
        of = self.workload
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            started, failures = False, 0
            while not started and not pod.stopping:
                started = await _passes(http, pod.host, of.startup)
                await asyncio.sleep(0 if started else of.startup.period)
            while not pod.stopping:
                failures = 0 if await _passes(http, pod.host, of.readiness) else failures + 1
                if failures == 0 and pod.ready_since is None and not pod.stopping:
                    pod.ready_since = time.monotonic()
                    self._route(pod, serves=True)
                if failures >= of.readiness.failures and pod.ready_since is not None and not pod.stopping:
                    pod.ready_since, pod.unready = None, pod.unready + 1
                    self._route(pod, serves=False)
                await asyncio.sleep(of.readiness.period)

    async def _stop(self, pod: Pod) -> None:
        """Out of the endpoints in a while; preStop, SIGTERM, and SIGKILL when the grace is over, all from now on."""
        pod.stopping = True
        began = time.monotonic()
        leaving = self._kubelet.create_task(self._leave(pod))
        try:
            async with asyncio.timeout(self.workload.grace):
                if self.workload.pre_stop:
                    hook = await asyncio.create_subprocess_exec(*self.workload.pre_stop)
                    await hook.wait()
                pod.process.signal(signal.SIGTERM)
                pod.status = await pod.process.ended()
        except TimeoutError:
            pod.killed = True
            pod.status = await pod.process.kill()
        pod.stop_seconds = time.monotonic() - began
        await leaving

    async def _leave(self, pod: Pod) -> None:
        await asyncio.sleep(PROXY_SECONDS)
        self._route(pod, serves=False)

    def _route(self, pod: Pod, *, serves: bool) -> None:
        if self._service is None:
            return
        change = self._service.endpoints.add if serves else self._service.endpoints.discard
        change((pod.host, self.workload.readiness.port))


async def _passes(http: httpx.AsyncClient, host: str, probe: Probe) -> bool:
    try:
        answer = await http.get(f"http://{host}:{probe.port}{probe.path}", timeout=probe.timeout)
    except httpx.HTTPError:
        return False
    return 200 <= answer.status_code < 400
