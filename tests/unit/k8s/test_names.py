"""What the manifests name exists in the code: variables, ports, probe paths, queues, metrics."""

import asyncio
import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from api.routes import probes as api_probes
from api.settings import Settings
from callplane.bus import names
from callplane.probes import probes
from hooks.settings import HooksSettings
from mediaserver.settings import Settings as MediaServer
from testkit.deploy import exported_metrics
from testkit.deploy.manifests import K8S, OVERLAYS, Container, rendered, rendered_with
from wrapper.monitoring.metrics import Metrics
from wrapper.settings import WrapperSettings, named_servers

PROGRAMS = {"api": Settings, "wrapper": WrapperSettings, "hooks": HooksSettings}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def variables(program: str) -> set[str]:
    return {f"CALLPLANE_{name.upper()}" for name in PROGRAMS[program].model_fields}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_given_only_variables_that_it_reads(program: str, overlay: str) -> None:
    given = set(rendered(overlay).container(program).env())
    assert given
    assert given - variables(program) == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_shared_settings_are_read_by_somebody(overlay: str) -> None:
    maps = [
        one for one in rendered(overlay).of("ConfigMap") if one["metadata"]["name"].startswith("callplane-settings")
    ]
    given = {key for one in maps for key in one["data"]}
    assert given
    assert given - set().union(*map(variables, PROGRAMS)) == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_has_no_default_is_given(overlay: str) -> None:
    for program, settings in PROGRAMS.items():
        needed = {f"CALLPLANE_{name.upper()}" for name, one in settings.model_fields.items() if one.is_required()}
        assert needed <= set(rendered(overlay).container(program).env())


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(
    ("program", "variable"),
    [("api", "CALLPLANE_PORT"), ("wrapper", "CALLPLANE_PROBE_PORT"), ("hooks", "CALLPLANE_PROBE_PORT")],
)
def test_a_program_listens_where_probes_and_prometheus_ask(program: str, variable: str, overlay: str) -> None:
    container = rendered(overlay).container(program)
    listens = int(container.env()[variable])
    asked = [container.port(container.spec[probe]["httpGet"]["port"]) for probe in PROBES]
    assert asked == [listens] * len(PROBES)
    notes = container.pod["metadata"]["annotations"]
    assert int(notes["prometheus.io/port"]) == listens
    # A program on its loopback address is heard by nobody else in the cluster.
    assert container.env()[variable.replace("PORT", "HOST")] == "0.0.0.0"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_has_the_paths_that_are_asked(overlay: str) -> None:
    there = {route.path for route in api_probes.router.routes if isinstance(route, APIRoute)}
    assert paths(rendered(overlay).container("api")) <= there


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("program", ["wrapper", "hooks"])
async def test_probes_answer_the_paths_that_are_asked(program: str, overlay: str) -> None:
    async with probes("127.0.0.1", 0, lambda: True, Metrics().text) as port:
        for path in sorted(paths(rendered(overlay).container(program))):
            assert await status(port, path) == 200, path


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_media_servers_are_called_as_their_stateful_set_calls_them(overlay: str) -> None:
    manifests = rendered(overlay)
    kurento = manifests.one("StatefulSet", "kurento")
    namespace, service = kurento["metadata"]["namespace"], kurento["spec"]["serviceName"]
    port = manifests.container("kurento").port("kurento")
    servers = named_servers(manifests.container("wrapper").env()["CALLPLANE_KMS_URLS"])
    assert servers == {
        f"kurento-{n}": f"ws://kurento-{n}.{service}.{namespace}:{port}/{MediaServer().path}"
        for n in range(len(servers))
    }
    assert len(servers) >= kurento["spec"].get("replicas", 1)
    assert manifests.one("Service", service)["spec"]["clusterIP"] == "None"


def test_the_autoscaler_counts_every_queue_that_wrappers_consume_and_no_other(tmp_path: Path) -> None:
    (queue,) = re.findall(r"queueName: (.*)", (K8S / "components/keda/scaled-objects.yaml").read_text())
    assert re.search(queue, names.WRAPPER)
    assert re.search(queue, names.session_name("0198f0c0-0000-7000-8000-000000000000"))
    assert not re.search(queue, names.mailbox_name("0198f0c0-0000-7000-8000-000000000000"))
    assert not re.search(queue, "dead-letters")
    assert [one["metadata"]["name"] for one in rendered_with("components/keda", tmp_path).of("ScaledObject")]


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = set(re.findall(r"callplane_[a-z_]+", (K8S / "components/keda/scaled-objects.yaml").read_text()))
    assert asked
    assert asked - exported_metrics.of_all() == set()


def paths(container: Container) -> set[str]:
    """Every path of a container that somebody asks for."""
    return {container.spec[probe]["httpGet"]["path"] for probe in PROBES} | {
        container.pod["metadata"]["annotations"]["prometheus.io/path"]
    }


async def status(port: int, path: str) -> int:
    """The status of a GET on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    line = await reader.readline()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])
