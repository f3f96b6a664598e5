"""What stands before the API lets the right things through, for long enough, unbuffered, to any pod."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import routes
from api.http.server import PING_SECONDS
from api.http.versions import VERSION, noun_of
from api.mailboxes.timing import Timing
from api.routes import probes as api_probes
from api.routes.messages import PollQuery
from api.routes.web import CONSOLE, mount_web
from api.routing import OPERATORS, versioned_nouns
from testkit.deploy.manifests import OVERLAYS, ROOT, rendered, rendered_with


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_ingress_leads_to_the_api_and_outlasts_the_longest_poll(overlay: str) -> None:
    (ingress,) = rendered(overlay).of("Ingress")
    (rule,) = ingress["spec"]["rules"]
    backends = [path["backend"]["service"] for path in rule["http"]["paths"]]
    backend = backends[0]
    assert backends == [backend] * len(backends)
    ports = rendered(overlay).one("Service", backend["name"])["spec"]["ports"]
    assert backend["port"]["name"] in [port["name"] for port in ports]
    notes = {key.rpartition("/")[2]: value for key, value in ingress["metadata"]["annotations"].items()}
    assert int(notes["proxy-read-timeout"]) > longest_poll()
    assert notes["proxy-buffering"] == "off"
    assert not any("affinity" in key for key in notes)
    assert "sessionAffinity" not in rendered(overlay).one("Service", backend["name"])["spec"]


@pytest.mark.parametrize("kind", ["Ingress", "HTTPRoute"])
def test_the_world_gets_all_that_the_api_serves_but_probes_metrics_and_what_is_for_operators(
    kind: str, tmp_path: Path
) -> None:
    led = ingress_paths() if kind == "Ingress" else gateway_paths(tmp_path)
    inner = {route.path for route in api_probes.router.routes if isinstance(route, APIRoute)}
    assert inner == {"/livez", "/readyz", "/metrics"}
    prefixes = [CONSOLE, *(noun.router.prefix for noun in OPERATORS)]
    theirs = {path for path in served() if path.removeprefix(VERSION).startswith(tuple(prefixes))}
    assert len(theirs) > 3
    inner |= theirs
    outer = served() - inner
    assert {"/", "/messages", "/v1/messages", "/v1/sessions/{session_id}", "/sdk", "/openapi.json"} <= outer
    assert {path for path in outer if not reaches(led, path)} == set()
    assert {path for path in inner if reaches(led, path)} == set()


def served() -> set[str]:
    """Every path of the API, with a version and as before, folders of files included."""
    app = FastAPI(docs_url=None, redoc_url=None)
    mount_web(app)
    nouns = [importlib.import_module(f"api.routes.{noun.name}") for noun in pkgutil.iter_modules(routes.__path__)]
    every = [*app.routes, *(route for noun in nouns if hasattr(noun, "router") for route in noun.router.routes)]
    paths = {path for route in every if (path := getattr(route, "path", ""))}
    return paths | {VERSION + path for path in paths if noun_of(path) in versioned_nouns()}


def reaches(led: set[tuple[str, bool]], path: str) -> bool:
    """Whether one of these leads there: exactly, or by whole elements of the path."""
    return any(path == at or (prefix and path.startswith(f"{at.rstrip('/')}/")) for at, prefix in led)


def ingress_paths() -> set[tuple[str, bool]]:
    """Each path of the Ingress, and whether it is a prefix."""
    (ingress,) = rendered("overlays/prod").of("Ingress")
    return {(one["path"], one["pathType"] == "Prefix") for one in ingress["spec"]["rules"][0]["http"]["paths"]}


def gateway_paths(scratch: Path) -> set[tuple[str, bool]]:
    """Each path of the HTTPRoute, and whether it is a prefix."""
    manifests = rendered_with("components/gateway", scratch)
    assert manifests.of("Ingress") == []
    (route,) = manifests.of("HTTPRoute")
    matches = [match["path"] for rule in route["spec"]["rules"] for match in rule["matches"]]
    return {(one["value"], one["type"] == "PathPrefix") for one in matches}


def test_streams_have_no_end_behind_a_gateway_and_polls_a_late_one(tmp_path: Path) -> None:
    (route,) = rendered_with("components/gateway", tmp_path).of("HTTPRoute")
    streams, rest = route["spec"]["rules"]
    assert streams["timeouts"] == {"request": "0s"}
    assert int(rest["timeouts"]["request"].removesuffix("s")) > longest_poll()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_proxy_takes_a_quiet_stream_for_a_dead_one(overlay: str) -> None:
    (ingress,) = rendered(overlay).of("Ingress")
    notes = {key.rpartition("/")[2]: value for key, value in ingress["metadata"]["annotations"].items()}
    nginx = (ROOT / "docker/nginx.conf").read_text()
    [proxied] = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    for seconds in (notes["proxy-read-timeout"], notes["proxy-send-timeout"], proxied):
        assert int(seconds) > 2 * max(Timing().stream_beat, PING_SECONDS)
    assert notes["proxy-http-version"] == "1.1"
    assert {"proxy_buffering off;", "proxy_set_header Upgrade $http_upgrade;"} <= set(re.findall(r"proxy_.*;", nginx))


def test_the_proxy_of_compose_writes_no_tickets_down() -> None:
    nginx = (ROOT / "docker/nginx.conf").read_text()
    [(name, form)] = re.findall(r"log_format (\w+) '(.*)';", nginx)
    assert f"access_log /dev/stdout {name};" in nginx
    assert {"request", "request_uri", "args", "query_string", "http_referer"}.isdisjoint(re.findall(r"\$(\w+)", form))


def longest_poll() -> float:
    """The bound that the API puts on `wait`."""
    return float(next(rule.le for rule in PollQuery.model_fields["wait"].metadata if hasattr(rule, "le")))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_operators_have_a_port_of_their_own(overlay: str) -> None:
    manifests = rendered(overlay)
    env = manifests.container("api").env()
    assert env["CALLPLANE_OPERATOR_PORT"] != env["CALLPLANE_PORT"]
    [port] = manifests.one("Service", "api-operators")["spec"]["ports"]
    assert manifests.container("api").port(port["targetPort"]) == int(env["CALLPLANE_OPERATOR_PORT"])
    (ingress,) = manifests.of("Ingress")
    assert "api-operators" not in str(ingress)
