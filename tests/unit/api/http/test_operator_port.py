"""Operators' routes at an address of their own, and what pages and answers are sent with."""

import httpx
import pytest

from api.app import serve
from api.http.operator_port import for_operators
from api.routing import OPERATORS
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

THEIRS = ["/console", *(noun.router.prefix for noun in OPERATORS)]
PUBLIC = ["/", "/sdk/index.js", "/sessions", "/messages", "/openapi.json"]
BOTH = ["/livez", "/readyz", "/metrics"]


async def test_operators_routes_are_at_their_address_alone(database: Database) -> None:
    async with api(settings_for(database, operator_port=0), ScriptedBus()) as it:
        transport = httpx.ASGITransport(for_operators(it.program.asgi))
        async with httpx.AsyncClient(transport=transport, base_url="http://operators") as operators:
            for path in THEIRS:
                assert (await operators.get(path, headers=BY_KEY)).status_code == 200, path
                assert (await it.http.get(path, headers=BY_KEY)).status_code == 404, path
                assert (await it.http.post(f"{path}/x/replay", headers=BY_KEY)).status_code == 404, path
            for path in PUBLIC:
                assert (await it.http.get(path, headers=BY_KEY)).status_code != 404, path
                assert (await operators.get(path, headers=BY_KEY)).status_code != 404, path
            assert (await it.http.get("/console/main.js")).status_code == 404
            for path in BOTH:
                assert (await it.http.get(path)).status_code == 200, path
                assert (await operators.get(path)).status_code == 200, path


async def test_without_a_port_of_their_own_they_are_where_all_is(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        for path in THEIRS:
            assert (await it.http.get(path, headers=BY_KEY)).status_code == 200, path


async def test_both_addresses_are_listened_on(database: Database, free_tcp_port: int) -> None:
    settings = settings_for(database, port=0, operator_port=free_tcp_port)
    async with serve(settings, buses=ScriptedBus().buses) as url, httpx.AsyncClient(trust_env=False) as http:
        theirs = f"http://127.0.0.1:{free_tcp_port}{THEIRS[1]}"
        assert (await http.get(theirs, headers=BY_KEY)).status_code == 200
        assert (await http.get(f"{url}{THEIRS[1]}", headers=BY_KEY)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/sdk/index.js", "/console", "/console/main.js"])
async def test_pages_may_load_nothing_from_elsewhere_and_stand_in_no_frame(database: Database, path: str) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        headers = (await it.http.get(path)).headers
    policy = dict(one.split(" ", 1) for one in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_no_answer_is_read_as_another_type_than_it_says(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        for path in ("/sessions", "/openapi.json", "/nowhere"):
            assert (await it.http.get(path)).headers["x-content-type-options"] == "nosniff"
