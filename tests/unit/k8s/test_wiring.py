"""What refers to something in the manifests finds it there."""

import pytest

from testkit.deploy.manifests import OVERLAYS, Manifests, Object, rendered

# Secrets that production expects from elsewhere; the README of k8s/ says how to make them.
GIVEN = {"rabbitmq-default-user", "callplane-mongodb", "callplane-tokens", "callplane-api-keys", "callplane-turn"}

# Servers of others: RabbitMQ's AMQP, management and metrics, MongoDB, OTLP, names, the Kubernetes API, Erlang's own.
FOREIGN_PORTS = {5672, 15672, 15692, 27017, 4318, 53, 443, 6443, 4369, 25672}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_selects_a_pod(overlay: str) -> None:
    manifests = rendered(overlay)
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for one in manifests.of(kind):
            wanted = selector(one)
            if one["metadata"]["name"] == "rabbitmq" and manifests.of("RabbitmqCluster"):
                assert wanted == {"app.kubernetes.io/name": "rabbitmq"}, (
                    "the operator labels pods by the cluster's name"
                )
            elif wanted:
                assert selected(manifests, wanted, one["metadata"]["namespace"]), one["metadata"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_of_a_service_is_one_of_its_pods(overlay: str) -> None:
    manifests = rendered(overlay)
    for service in manifests.of("Service"):
        owners = selected(manifests, selector(service), service["metadata"]["namespace"])
        for port in service["spec"]["ports"]:
            assert any(
                container.port(port["targetPort"]) for container in manifests.containers() if container.owner in owners
            ), (service["metadata"]["name"], port)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_of_a_policy_is_listened_on(overlay: str) -> None:
    manifests = rendered(overlay)
    listened = {one["containerPort"] for container in manifests.containers() for one in container.spec.get("ports", [])}
    called = {one.get("name") for container in manifests.containers() for one in container.spec.get("ports", [])}
    for policy in manifests.of("NetworkPolicy"):
        for way in ("ingress", "egress"):
            for rule in policy["spec"].get(way, []):
                for port in rule["ports"]:
                    assert port["port"] in listened | called | FOREIGN_PORTS, (policy["metadata"]["name"], port)


def test_secrets_are_there_or_expected() -> None:
    for overlay, there in (("overlays/dev", set()), ("overlays/prod", GIVEN)):
        manifests = rendered(overlay)
        made = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in manifests.of("Secret")}
        for container in manifests.containers():
            for reference in container.env().values():
                if isinstance(reference, dict):
                    name = reference["secretKeyRef"]["name"]
                    place = (container.owner["metadata"]["namespace"], name)
                    assert name in there or place in made, (overlay, place)


def test_every_key_of_a_development_secret_that_is_asked_for_is_there() -> None:
    manifests = rendered("overlays/dev")
    for container in manifests.containers():
        for reference in container.env().values():
            if isinstance(reference, dict):
                wanted = reference["secretKeyRef"]
                assert wanted["key"] in manifests_secret(manifests, wanted["name"]), wanted


def manifests_secret(manifests: Manifests, name: str) -> Object:
    """The data of a secret; that of several namespaces has the same keys."""
    return next(one["data"] for one in manifests.of("Secret") if one["metadata"]["name"] == name)


def selector(one: Object) -> dict[str, str]:
    """The labels that an object looks for."""
    spec = one["spec"]
    found = spec.get("selector") or spec.get("podSelector") or {}
    return dict(found.get("matchLabels", found))


def selected(manifests: Manifests, wanted: dict[str, str], namespace: str) -> list[Object]:
    """The owners of the pods that have all these labels."""
    return [
        container.owner
        for container in manifests.containers()
        if container.owner["metadata"]["namespace"] == namespace
        and wanted.items() <= container.pod["metadata"]["labels"].items()
    ]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", ["api", "wrapper", "hooks"])
def test_a_program_may_reach_the_collector_of_its_traces(program: str, overlay: str) -> None:
    policy = rendered(overlay).one("NetworkPolicy", program)
    assert {"port": 4318} in [port for rule in policy["spec"]["egress"] for port in rule["ports"]]
