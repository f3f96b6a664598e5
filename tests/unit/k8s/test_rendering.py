"""Every overlay and component renders, and fits the schemas of the oldest and the newest Kubernetes that we name."""

from pathlib import Path

import kubernetes_validate
import pytest

from testkit.deploy.manifests import COMPONENTS, K8S, OVERLAYS, Manifests, rendered, rendered_with

PART_OF_PRODUCTION = "components/hpa"
OLDEST, NEWEST = "1.29", "1.34"

# Kinds of operators: their schemas are in their clusters. What we name in them is checked by the other tests.
FOREIGN = {
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("mongodbcommunity.mongodb.com/v1", "MongoDBCommunity"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_fits_the_schemas(overlay: str, version: str) -> None:
    fits(rendered(overlay), version)


@pytest.mark.parametrize("component", [one for one in COMPONENTS if one != PART_OF_PRODUCTION])
def test_production_with_a_component_fits_the_schemas(component: str, tmp_path: Path) -> None:
    fits(rendered_with(component, tmp_path), NEWEST)


def test_a_misspelt_field_would_be_found() -> None:
    (deployment,) = [one for one in rendered("overlays/prod").of("Deployment") if one["metadata"]["name"] == "api"]
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_every_file_is_part_of_something() -> None:
    listed = "".join(path.read_text() for path in K8S.rglob("kustomization.yaml"))
    files = [path for path in K8S.rglob("*.*") if path.suffix in (".yaml", ".env")]
    assert [path.name for path in files if path.name != "kustomization.yaml" and path.name not in listed] == []


def fits(manifests: Manifests, version: str) -> None:
    """Every object has a schema and obeys it, fields that it does not know included."""
    assert manifests.objects
    for one in manifests.objects:
        if (one["apiVersion"], one["kind"]) not in FOREIGN:
            kubernetes_validate.validate(one, version, strict=True)
