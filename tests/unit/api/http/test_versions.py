"""Everything is below ``/v1``; the paths of before answer the same and say that they are deprecated."""

import re
from typing import Any

import pytest
from starlette.routing import BaseRoute

from api.http.versions import Versions
from api.routes import probes
from api.routing import routed, versioned_nouns
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

OF_NO_VERSION = {"/livez", "/readyz", "/metrics"}
"""Asked by orchestrators and Prometheus, which know of no API."""


async def seen(path: str, type_: str = "http") -> tuple[str, str, dict[bytes, bytes]]:
    """The path that is served, the version that was taken off it, and the headers of the answer."""
    served: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    await Versions(app, {"sessions"})({"type": type_, "path": path}, None, send)  # type: ignore[arg-type]
    return served[0]["path"], served[0].get("callplane.version", ""), dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("path", "served", "version", "is_deprecated"),
    [
        ("/v1/sessions/s", "/sessions/s", "/v1", False),
        ("/v1/sessions", "/sessions", "/v1", False),
        ("/sessions/s", "/sessions/s", "", True),
        ("/v1/v1/sessions", "/v1/v1/sessions", "", False),
        ("/v1/livez", "/v1/livez", "", False),
        ("/v1", "/v1", "", False),
        ("/livez", "/livez", "", False),
        ("/", "/", "", False),
        ("/v2/sessions", "/v2/sessions", "", False),
    ],
)
async def test_the_version_is_taken_off_what_has_one(path: str, served: str, version: str, is_deprecated: bool) -> None:
    at, taken, headers = await seen(path)
    assert (at, taken, b"deprecation" in headers) == (served, version, is_deprecated)


async def test_a_socket_has_a_version_as_well() -> None:
    assert await seen("/v1/sessions/s", "websocket") == ("/sessions/s", "/v1", {})
    assert await seen("/sessions/s", "websocket") == ("/sessions/s", "", {})


def test_the_description_tells_of_paths_with_a_version_alone() -> None:
    paths = set(routed().openapi()["paths"])
    assert {path for path in paths if not path.startswith("/v1/")} == OF_NO_VERSION
    own: list[BaseRoute] = list(probes.router.routes)
    assert len(paths) > 25
    assert {getattr(route, "path", "") for route in own} == OF_NO_VERSION
    assert {re.split("/", path)[2] for path in paths - OF_NO_VERSION} == versioned_nouns()


async def test_both_paths_answer_the_same_each_in_its_own_words(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        for path in ("/media-servers", "/sessions"):
            now, before = [await it.http.get(at + path, headers=BY_KEY) for at in ("/v1", "")]
            assert (now.status_code, now.json()) == (before.status_code, before.json())
            assert (now.headers.get("deprecation"), before.headers["deprecation"]) == (None, "@1795824000")
        for at in ("/v1", ""):
            gone = await it.http.get(f"{at}/sessions/none", headers=BY_KEY)
            assert (gone.status_code, gone.json()["instance"]) == (404, f"{at}/sessions/none")
            server = {"name": f"m{at[1:]}", "url": f"ws://127.0.0.1:9/kurento{at}"}
            made = await it.http.post(f"{at}/media-servers", headers=BY_KEY, json=server)
            assert made.headers["location"] == f"{at}/media-servers/m{at[1:]}"
        assert (await it.http.get("/v1/livez")).status_code == 404
