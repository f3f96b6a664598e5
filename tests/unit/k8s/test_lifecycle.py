"""Times fit: what Kubernetes grants is more than what the programs need to start and to drain."""

import pytest

from api.http.server import SHUTDOWN
from api.settings import Settings
from callplane.bus.consuming.worker_pool import ConsumerLimits
from testkit.deploy.manifests import OVERLAYS, Container, Object, rendered
from wrapper.__main__ import BROKER_SECONDS
from wrapper.app import FINISH_SECONDS, START_SECONDS

PROGRAMS = ("api", "wrapper", "hooks")

# Closing connections to broker and database, on a node that is busy with other things.
CLOSING = 10.0


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_may_drain_before_it_is_killed(overlay: str) -> None:
    container = rendered(overlay).container("api")
    settings = Settings.model_fields
    drain = settings["drain_delay"].default + settings["drain_wait"].default + SHUTDOWN
    assert grace(container) >= stop_sleep(container) + drain + CLOSING


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_wrapper_may_drain_before_it_is_killed(overlay: str) -> None:
    container = rendered(overlay).container("wrapper")
    drain = ConsumerLimits().drain_limit + 2 * ConsumerLimits().return_limit + FINISH_SECONDS
    assert grace(container) >= drain + CLOSING


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_api_pod_goes_on_serving_until_proxies_know_that_it_leaves(overlay: str) -> None:
    assert stop_sleep(rendered(overlay).container("api")) >= 5


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_wrapper_may_wait_for_its_servers_before_it_is_killed(overlay: str) -> None:
    probe = rendered(overlay).container("wrapper").spec["startupProbe"]
    # Broker, database, and the listing of open sessions: each has a deadline after which it gives up by itself.
    assert probe["periodSeconds"] * probe["failureThreshold"] >= BROKER_SECONDS + START_SECONDS + BROKER_SECONDS


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_liveness_asks_only_whether_the_loop_turns(program: str, overlay: str) -> None:
    spec = rendered(overlay).container(program).spec
    assert spec["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert spec["startupProbe"]["httpGet"]["path"] == "/livez"
    assert spec["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_scaling_by_hand_is_not_undone_by_applying(program: str, overlay: str) -> None:
    assert "replicas" not in rendered(overlay).one("Deployment", program)["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_rollout_takes_no_pod_away_before_another_is_ready(program: str, overlay: str) -> None:
    rolling = rendered(overlay).one("Deployment", program)["spec"]["strategy"]["rollingUpdate"]
    assert (rolling["maxUnavailable"], rolling["maxSurge"]) == (0, 1)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", [*PROGRAMS, "kurento"])
def test_draining_a_node_takes_one_pod_at_a_time_and_is_never_blocked(program: str, overlay: str) -> None:
    budget = rendered(overlay).one("PodDisruptionBudget", program)["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


@pytest.mark.parametrize("program", PROGRAMS)
def test_production_spreads_pods_over_nodes_and_zones(program: str) -> None:
    spread = rendered("overlays/prod").container(program).pod["spec"]["topologySpreadConstraints"]
    assert [(one["topologyKey"], one["whenUnsatisfiable"]) for one in spread] == [
        ("kubernetes.io/hostname", "DoNotSchedule"),
        ("topology.kubernetes.io/zone", "ScheduleAnyway"),
    ]


def test_production_runs_enough_to_lose_one() -> None:
    scalers = rendered("overlays/prod").of("HorizontalPodAutoscaler")
    assert {one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"] for one in scalers} == {
        "api": 3,
        "wrapper": 3,
        "hooks": 2,
    }
    assert rendered("overlays/prod").one("StatefulSet", "kurento")["spec"]["replicas"] > 1


def grace(container: Container) -> float:
    """Seconds from the beginning of the stop to SIGKILL."""
    return float(container.pod["spec"]["terminationGracePeriodSeconds"])


def stop_sleep(container: Container) -> float:
    """Seconds that the stop waits before SIGTERM."""
    hook: Object = container.spec["lifecycle"]["preStop"]["exec"]
    command, seconds = hook["command"]
    assert command == "sleep"
    return float(seconds)
