"""Manifests: renders a folder of k8s/ with `kubectl kustomize`, and looks things up in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"

Object = dict[str, Any]

OVERLAYS = ("overlays/dev", "overlays/prod")
COMPONENTS = tuple(sorted(str(path.parent.relative_to(K8S)) for path in K8S.glob("components/*/kustomization.yaml")))


@dataclass(frozen=True)
class Container:
    """One container with the pod template and the object that it belongs to."""

    owner: Object
    pod: Object
    spec: Object

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    def env(self) -> dict[str, Any]:
        """Variable → its value, or the reference that gives it."""
        return {one["name"]: one.get("value", one.get("valueFrom")) for one in self.spec.get("env", [])}

    def port(self, port: int | str) -> int | None:
        """The number of a port by name or number; None when the container has no such port."""
        for one in self.spec.get("ports", []):
            if port in (one.get("name"), one["containerPort"]):
                return int(one["containerPort"])
        return None


@dataclass(frozen=True)
class Manifests:
    """Everything that one folder renders to."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        """The object of that kind and name. A generated name is known without its hash."""
        (found,) = [one for one in self.of(kind) if one["metadata"]["name"] == name]
        return found

    def containers(self) -> Iterator[Container]:
        for owner in self.objects:
            if owner["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
                pod = owner["spec"]["template"]
                for spec in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
                    yield Container(owner, pod, spec)

    def container(self, name: str) -> Container:
        (found,) = [one for one in self.containers() if one.name == name]
        return found


@cache
def rendered(folder: str) -> Manifests:
    """A folder of k8s/ as the cluster would get it."""
    return _kustomized(K8S / folder)


@cache
def rendered_with(component: str, scratch: Path) -> Manifests:
    """The production overlay with one component more; ``scratch`` is an empty folder."""
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(K8S / "overlays/prod", scratch)],
        "components": [os.path.relpath(K8S / component, scratch)],
    }
    (scratch / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return _kustomized(scratch)


def _kustomized(folder: Path) -> Manifests:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.fail("kubectl is missing, and the manifests cannot be checked without it: apt-get install it", False)
    run = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        pytest.fail(f"kubectl kustomize {folder.name}: {run.stderr}", False)
    return Manifests(tuple(yaml.safe_load_all(run.stdout)))
