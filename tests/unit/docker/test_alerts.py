"""Every alert is understood by Prometheus, tried by its own test, and asks only for what the code exports."""

import re
import subprocess

import pytest
import yaml

from testkit.deploy import exported_metrics
from testkit.deploy.manifests import ROOT
from testkit.servers.prometheus import RULES, metrics_in, rules, tool

TESTS = ROOT / "tests/alerts"
ALERTS = rules()


def promtool(*arguments: str) -> None:
    ran = subprocess.run(
        [tool("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", str(RULES))


def test_every_alert_has_a_test_and_every_test_an_alert() -> None:
    assert {path.stem for path in TESTS.glob("*.yml")} == set(ALERTS)


def test_every_alert_fires_and_is_quiet_as_its_test_says() -> None:
    promtool("test", "rules", *sorted(map(str, TESTS.glob("*.yml"))))


@pytest.mark.parametrize("alert", ALERTS)
def test_a_test_asks_for_both(alert: str) -> None:
    """One that only ever looks at a quiet alert would also pass for one that never fires."""
    (test,) = yaml.safe_load((TESTS / f"{alert}.yml").read_text())["tests"]
    asked = test["alert_rule_test"]
    assert {one["alertname"] for one in asked} == {alert}
    assert sorted(bool(one.get("exp_alerts")) for one in asked) == [False, True]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_only_for_what_is_exported(alert: str) -> None:
    rule = ALERTS[alert]
    assert metrics_in(rule["expr"]) - exported_metrics.of_all() == set()
    jobs = set(re.findall(r"job=~?\"([\w|]+)\"", rule["expr"]))
    known = {
        job["job_name"] for job in yaml.safe_load((RULES.parents[1] / "prometheus.yml").read_text())["scrape_configs"]
    }
    assert {one for job in jobs for one in job.split("|")} <= known
    for metric, selector in re.findall(r"\b(callplane_\w+?)(?:_bucket|_count|_total)?\{([^}]*)\}", rule["expr"]):
        names = set(re.findall(r"(\w+)[=!]~?=?\"", selector))
        assert names <= exported_metrics.labels()[metric], metric


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{alert.lower()}"
    assert f"\n### {alert}\n" in (ROOT / "docs/operations.md").read_text()
