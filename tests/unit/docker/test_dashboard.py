"""The dashboard shows only what is exported_metrics, in expressions that Prometheus understands."""

import itertools
import json
from pathlib import Path
from typing import Any

import yaml

from testkit.deploy import exported_metrics
from testkit.deploy.manifests import ROOT
from testkit.servers.prometheus import metrics_in
from tests.unit.docker.test_alerts import promtool

FOLDER = ROOT / "docker/grafana/provisioning"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboards/callplane.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_every_metric_that_is_shown_is_exported() -> None:
    shown = {metric for expression in EXPRESSIONS for metric in metrics_in(expression)}
    assert len(shown) > 20
    assert shown - exported_metrics.of_all() == set()


def test_every_metric_that_is_exported_is_shown() -> None:
    """Or an alert asks for it: what nobody looks at needs no counting."""
    rules = (ROOT / "docker/prometheus/rules/callplane.yml").read_text()
    keda = (ROOT / "k8s/components/keda/scaled-objects.yaml").read_text()
    asked = metrics_in(" ".join([*EXPRESSIONS, rules, keda]))
    families = {name.removesuffix(end) for name in asked for end in ("_bucket", "_sum", "_count", "_total")}
    there = exported_metrics.of_all()
    unseen = {
        name
        for name in there
        if name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") not in families
    }
    assert {name for name in unseen if name.removesuffix("_total") not in families | asked} == set()


def test_every_expression_is_one(tmp_path: Path) -> None:
    rules = [
        {"record": f"shown:{n}", "expr": expression.replace("$__rate_interval", "1m")}
        for n, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "shown.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_it_is_provisioned_with_its_data_source() -> None:
    (source,) = yaml.safe_load((FOLDER / "datasources/prometheus.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    (provider,) = yaml.safe_load((FOLDER / "dashboards/callplane.yaml").read_text())["providers"]
    mounts = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]["grafana"]["volumes"]
    inside = next(mount.split(":")[1] for mount in mounts if mount.startswith("./grafana/provisioning:"))
    assert provider["options"]["path"] == f"{inside}/dashboards"
