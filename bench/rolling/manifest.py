"""Manifest reader: a program's command, its environment, and how Kubernetes replaces its pods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testkit.deploy.dockerfile import read_dockerfile
from testkit.deploy.manifests import ROOT, Container, Manifests, rendered

OVERLAY = "overlays/prod"


@dataclass(frozen=True)
class Probe:
    """One probe over HTTP: how often, how long it waits, and how many failures in a row count."""

    path: str
    port: int
    period: float
    timeout: float
    failures: int


@dataclass(frozen=True)
class Workload:
    """A Deployment as far as a rolling update is concerned; times are seconds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str | None]
    """Variable → its value; of those that a Secret gives, None."""
    startup: Probe
    readiness: Probe
    pre_stop: tuple[str, ...]
    grace: float
    min_ready: float
    surge: int


def workload(name: str, overlay: str = OVERLAY) -> Workload:
    """Read one program out of an overlay as it is rendered, and its command out of the Dockerfile."""
    manifests = rendered(overlay)
    container = manifests.container(name)
    spec = container.owner["spec"]
    rolling = spec["strategy"]["rollingUpdate"]
    if rolling["maxUnavailable"] != 0 or not isinstance(rolling["maxSurge"], int):
        raise ValueError(f"{name}: only updates that surge by a number and leave none out are played here")
    return Workload(
        name=name,
        command=_command(name, container),
        environment=_settings(manifests, container) | _values(container),
        startup=_probe(container, "startupProbe"),
        readiness=_probe(container, "readinessProbe"),
        pre_stop=tuple(container.spec.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ())),
        grace=float(container.pod["spec"]["terminationGracePeriodSeconds"]),
        min_ready=float(spec["minReadySeconds"]),
        surge=rolling["maxSurge"],
    )


def environment(of: Workload, local: Mapping[str, str]) -> dict[str, str]:
    """The variables that the manifest names, with ``local`` for secrets and for addresses inside the cluster.

    A secret that ``local`` does not know is a KeyError, and so is a local value for what the manifest does not set.
    """
    missing = sorted(name for name, value in of.environment.items() if value is None and name not in local)
    unknown = sorted(name for name in local if name not in of.environment)
    if missing or unknown:
        raise KeyError(f"{of.name}: without a local value {missing}, not in the manifest {unknown}")
    return {name: local.get(name) or value or "" for name, value in of.environment.items()}


def _command(name: str, container: Container) -> tuple[str, ...]:
    if "command" in container.spec or "args" in container.spec:
        raise ValueError(f"{name}: the manifest overrides the image's command, which is not read here")
    (line,) = read_dockerfile(ROOT / "docker/Dockerfile")[name].of("CMD")
    return tuple(line.command())


def _settings(manifests: Manifests, container: Container) -> dict[str, str | None]:
    """What config maps give as a whole."""
    found: dict[str, str | None] = {}
    for source in container.spec.get("envFrom", []):
        found |= manifests.one("ConfigMap", source["configMapRef"]["name"])["data"]
    return found


def _values(container: Container) -> dict[str, str | None]:
    return {name: value if isinstance(value, str) else None for name, value in container.env().items()}


def _probe(container: Container, kind: str) -> Probe:
    spec: dict[str, Any] = container.spec[kind]
    port = container.port(spec["httpGet"]["port"])
    if port is None:
        raise ValueError(f"{container.name}: {kind} asks a port that the container does not have")
    # One second and three failures are what Kubernetes takes where nothing is said.
    return Probe(
        spec["httpGet"]["path"],
        port,
        float(spec["periodSeconds"]),
        float(spec.get("timeoutSeconds", 1)),
        spec.get("failureThreshold", 3),
    )
