"""Pods may do no more than they need, and secrets are never written down for production."""

import re

import pytest

from testkit.deploy.manifests import K8S, OVERLAYS, Container, rendered

CONTROL, MEDIA = "callplane", "callplane-media"

EXACT = re.compile(r":v?\d+\.\d+\.\d+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$")
"""An image that is the same tomorrow: all three parts of its version, or its digest."""


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_control_namespace_is_restricted(overlay: str) -> None:
    labels = rendered(overlay).one("Namespace", CONTROL)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_of_it_fits_that_level(overlay: str) -> None:
    for container in of_namespace(overlay, CONTROL):
        pod, spec = container.pod["spec"], container.spec
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"]["allowPrivilegeEscalation"] is False
        assert spec["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert set(spec["securityContext"]["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
        assert not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", ["api", "wrapper", "hooks", "coturn"])
def test_our_root_is_read_only(program: str, overlay: str) -> None:
    assert rendered(overlay).container(program).spec["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_kurento_runs_as_root(overlay: str) -> None:
    roots = {
        container.name
        for container in rendered(overlay).containers()
        if not container.pod["spec"]["securityContext"].get("runAsNonRoot")
    }
    assert roots == {"kurento"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_has_a_token_for_the_kubernetes_api_nor_a_role_there(overlay: str) -> None:
    manifests = rendered(overlay)
    assert [c.name for c in manifests.containers() if c.pod["spec"]["automountServiceAccountToken"] is not False] == []
    assert [one for one in manifests.of("ServiceAccount") if one["automountServiceAccountToken"] is not False] == []
    assert manifests.of("RoleBinding") + manifests.of("ClusterRoleBinding") == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_says_what_it_needs(overlay: str) -> None:
    for container in rendered(overlay).containers():
        assert container.spec["resources"]["requests"].keys() == {"cpu", "memory"}, container.name
        assert "memory" in container.spec["resources"]["limits"], container.name
        image = container.spec["image"]
        assert image.startswith(("callplane-api:", "callplane-wrapper:", "callplane-hooks:")) or EXACT.search(image), (
            image
        )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_not_listed_is_refused(overlay: str) -> None:
    policies = rendered(overlay).of("NetworkPolicy")
    (deny,) = [one for one in policies if one["spec"]["podSelector"] == {} and "egress" not in one["spec"]]
    assert deny["metadata"]["namespace"] == CONTROL
    assert sorted(deny["spec"]["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in deny["spec"]


def test_only_development_has_secrets_written_down() -> None:
    assert rendered("overlays/prod").of("Secret") == []
    assert rendered("overlays/dev").of("Secret")


def test_secrets_come_by_reference() -> None:
    secret = re.compile(r"_SECRET|_SECRETS|_KEYS|AMQP_URL|MONGO_URL|MESSAGES_URL|PASS")
    for container in of_namespace("overlays/prod", CONTROL) + of_namespace("overlays/prod", MEDIA):
        for name, value in container.env().items():
            if secret.search(name):
                assert isinstance(value, dict), name
                assert "secretKeyRef" in value


def test_the_readme_says_how_to_make_every_secret_that_production_expects() -> None:
    page = (K8S / "README.md").read_text()
    for container in of_namespace("overlays/prod", CONTROL) + of_namespace("overlays/prod", MEDIA):
        for value in container.env().values():
            if isinstance(value, dict):
                assert f"`{value['secretKeyRef']['name']}`" in page
                assert f"`{value['secretKeyRef']['key']}`" in page


def of_namespace(overlay: str, namespace: str) -> list[Container]:
    """The containers of one namespace."""
    found = [one for one in rendered(overlay).containers() if one.owner["metadata"]["namespace"] == namespace]
    assert found
    return found
