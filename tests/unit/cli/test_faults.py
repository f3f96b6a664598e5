"""Faults over HTTP: killed is what `callplane up` offers, by the key of its run; elsewhere is no such route."""

import json
from types import SimpleNamespace
from typing import cast

import httpx

from api.app import assemble
from api.routing import routed, versioned_nouns
from api.settings import Settings
from cli.children import Children
from cli.faults import faults
from cli.second_programs import api_environment, wrapper_environment
from cli.supervised import About, Server
from testkit.fakes.asgi import BY_KEY, KEY, SECRET, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from wrapper.settings import WrapperSettings

OTHER = "o" * 32
NOBODY = cast(Server, SimpleNamespace(processes=[]))


def offered() -> Children:
    """One that runs and one that is off; nobody watches them, so that what is asked stays asked."""
    children = Children(lambda _: None)
    children.supervise(About("media-server", "media server", "Pictures stop."), NOBODY)
    children.supervise(About("api", "second API", "Pages reconnect.", "http://127.0.0.1:1/"), NOBODY, started=False)
    return children


async def test_no_program_has_these_routes_by_itself(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        for path in ("/v1/faults", "/faults"):
            assert (await it.http.get(path, headers=BY_KEY)).status_code == 404
            assert (await it.http.post(f"{path}/media-server/kill", headers=BY_KEY)).status_code == 404


def test_no_document_has_them_either() -> None:
    router = faults(offered(), "tests", "")
    document = routed([router]).openapi()
    assert "/v1/sessions" in document["paths"]
    assert "fault" not in json.dumps(document).replace("default", "").lower()
    assert versioned_nouns([router]) - versioned_nouns() == {"faults"}


async def test_the_key_of_the_run_kills_and_starts(database: Database) -> None:
    children = offered()
    further = (faults(children, "tests", "These are processes."),)
    async with (
        assemble(settings_for(database), buses=ScriptedBus().buses, further=further) as program,
        client(program.asgi) as http,
    ):
        before = (await http.get("/v1/faults", headers=BY_KEY)).json()
        asked = ["media-server/kill", "media-server/kill", "api/kill", "api/start", "api/start", "mongod/kill"]
        answers = [(await http.post(f"/v1/faults/{one}", headers=BY_KEY)).status_code for one in asked]
        after = (await http.get("/v1/faults", headers=BY_KEY)).json()
    assert before == {
        "note": "These are processes.",
        "servers": [
            {"id": "media-server", "name": "media server", "state": "up", "effect": "Pictures stop."}
            | {"away_seconds": None, "page": None},
            {"id": "api", "name": "second API", "state": "off", "effect": "Pages reconnect."}
            | {"away_seconds": None, "page": "http://127.0.0.1:1/"},
        ],
    }
    assert answers == [202, 409, 409, 202, 409, 404]
    assert [(one["id"], one["state"]) for one in after["servers"]] == [("media-server", "down"), ("api", "starting")]


async def test_nobody_elses_key_or_token_does(database: Database) -> None:
    children = offered()
    settings = settings_for(database, api_keys=f"tests:{KEY},other:{OTHER}", operator_keys="tests,other", **OPEN)
    further = (faults(children, "tests", ""),)
    async with (
        assemble(settings, buses=ScriptedBus().buses, further=further) as program,
        client(program.asgi) as http,
    ):
        for who, status in (({}, 401), ({"X-API-Key": OTHER}, 404), ({"Authorization": f"Bearer {TOKEN}"}, 401)):
            for method, path in (("GET", ""), ("POST", "/media-server/kill"), ("POST", "/api/start")):
                answer = await http.request(method, f"/v1/faults{path}", headers=who)
                assert answer.status_code == status, (who, answer.text)
    assert [one.state for one in children.supervised] == ["up", "off"]


def test_second_programs_are_as_those_inside() -> None:
    keys = {"api_keys": f"run:{KEY}", "key_tenants": "run:", "token_secrets": (SECRET,)}
    given = {**keys, "open_access": True, "open_token": TOKEN}
    mine = Settings(amqp_url="amqp://h:1/", mongo_url="mongodb://h:2/?replicaSet=x", **given)
    theirs = {name.removeprefix("CALLPLANE_").lower(): value for name, value in api_environment(mine, 9000).items()}
    assert Settings(**theirs).model_dump() == {**mine.model_dump(), "port": 9000}
    wrapper = WrapperSettings(amqp_url="amqp://h:1/", mongo_url="mongodb://h:2/", kms_urls="embedded=ws://h:3/kurento")
    named = {name.removeprefix("CALLPLANE_").lower(): value for name, value in wrapper_environment(wrapper).items()}
    assert WrapperSettings(**named) == wrapper


TOKEN = "open-0123456789abcdef0123456789abcdef"
OPEN = {"open_access": True, "open_token": TOKEN}


def client(asgi: object) -> httpx.AsyncClient:
    """One that speaks to the program without a socket."""
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")
