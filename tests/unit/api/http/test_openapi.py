"""OpenAPI is part of the product: every route says what it answers, problems included, with examples."""

from typing import Any

from testkit.fakes.asgi import api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

PROBES = {"/livez", "/readyz", "/metrics"}


async def schema(database: Database) -> dict[str, Any]:
    async with api(settings_for(database), ScriptedBus()) as it:
        return (await it.http.get("/openapi.json")).json()


async def test_every_route_tells_its_problems_with_examples(database: Database) -> None:
    told = await schema(database)
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            refusals = {status: one for status, one in operation["responses"].items() if int(status) >= 400}
            assert path in PROBES or set(refusals) >= {"401", "403", "413", "422", "429", "500", "503"}, (method, path)
            for one in refusals.values():
                assert set(one["content"]) == {"application/problem+json"}, (method, path)
                assert path in PROBES or one["content"]["application/problem+json"]["examples"]
            assert operation["summary"]
            assert path in PROBES or operation["security"]


async def test_every_shape_has_an_example(database: Database) -> None:
    shapes = (await schema(database))["components"]["schemas"]
    for name in ("SessionView", "ParticipantView", "ConnectionView", "JoinedView", "SessionList"):
        assert shapes[name]["examples"], name
    assert "HTTPValidationError" not in shapes
