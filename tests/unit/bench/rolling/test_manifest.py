"""What the rolling update takes from the manifests, and what it refuses to guess."""

import pytest

from bench.rolling.deployment import PROXY_SECONDS
from bench.rolling.manifest import Workload, environment, workload

PROGRAMS = ("api", "wrapper")


@pytest.mark.parametrize("program", PROGRAMS)
def test_command_probes_and_times_are_the_manifests(program: str) -> None:
    found = workload(program)
    assert found.command == ("python", "-m", program)
    assert (found.startup.path, found.readiness.path) == ("/livez", "/readyz")
    assert found.surge == 1
    assert found.grace > found.min_ready > 0


def test_the_api_goes_on_serving_for_longer_than_proxies_need() -> None:
    command, seconds = workload("api").pre_stop
    assert (command, float(seconds) > PROXY_SECONDS) == ("sleep", True)
    assert workload("wrapper").pre_stop == ()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_variable_of_the_manifest_is_set(program: str) -> None:
    found = workload(program)
    local = secrets(found) | {"CALLPLANE_MONGO_DATABASE": "of-the-test"}
    made = environment(found, local)
    assert set(made) == set(found.environment) >= {"CALLPLANE_LOG_LEVEL", "CALLPLANE_AMQP_URL"}
    assert made["CALLPLANE_MONGO_DATABASE"] == "of-the-test"
    assert made["CALLPLANE_LOG_LEVEL"] == found.environment["CALLPLANE_LOG_LEVEL"]


def test_a_secret_without_a_local_value_is_refused() -> None:
    found = workload("api")
    local = secrets(found)
    del local["CALLPLANE_TOKEN_SECRETS"]
    with pytest.raises(KeyError, match="CALLPLANE_TOKEN_SECRETS"):
        environment(found, local)


def test_a_local_value_for_what_the_manifest_does_not_set_is_refused() -> None:
    found = workload("wrapper")
    with pytest.raises(KeyError, match="CALLPLANE_DROP_SECONDS"):
        environment(found, secrets(found) | {"CALLPLANE_DROP_SECONDS": "9"})


def secrets(of: Workload) -> dict[str, str]:
    """Something for everything that a Secret gives."""
    return {name: "x" for name, value in of.environment.items() if value is None}
