"""Envelopes, session injection and result shapes (checklist 6-14)."""

import json
from typing import Any

import pytest

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import raw_kurento

SETTINGS = Settings(port=0)
MANAGER = "manager_ServerManager"
INVALID = {"code": -32600, "message": "Invalid JSON-RPC request."}


@pytest.mark.parametrize("number", [1, "a", 1.5, True])
async def test_ids_are_echoed_with_their_type(number: Any) -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        answer = await kurento.exchange({"id": number, "jsonrpc": "2.0", "method": "ping"})
        assert answer["id"] == number
        assert type(answer["id"]) is type(number)


@pytest.mark.parametrize(
    "frame",
    [
        {"id": {}, "jsonrpc": "2.0", "method": "ping"},
        {"id": [], "jsonrpc": "2.0", "method": "ping"},
        {"id": 1, "jsonrpc": "1.0", "method": "ping"},
        {"id": 1, "method": "ping"},
        {"id": 1, "jsonrpc": "2.0"},
        {"id": 1, "jsonrpc": "2.0", "method": 5},
        [{"id": 1, "jsonrpc": "2.0", "method": "ping"}],
        5,
        "text",
        None,
    ],
)
async def test_a_broken_envelope(frame: Any) -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        await kurento.send(json.dumps(frame))
        assert await kurento.others.get() == {"error": INVALID, "id": None, "jsonrpc": "2.0"}


async def test_unknown_methods_and_operations() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        answer = await kurento.call("noSuchMethod")
        assert answer["error"] == {"code": -32601, "message": "Method not found."}
        answer = await kurento.call("invoke", object=MANAGER, operation="noSuch", operationParams={"a": 1, "b": 2})
        assert answer["error"]["code"] == 40008
        assert answer["error"]["message"] == "Method 'noSuch' with 2 parameters not found"


async def test_missing_parameters() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        answer = await kurento.call("create")
        assert answer["error"] == {
            "code": -32602,
            "data": {"type": "INVALID_PARAMS"},
            "message": "'params' is required",
        }
        await kurento.done("connect")
        answer = await kurento.call("create")
        assert answer["error"] == {"code": -32000, "message": "'type' parameter is required"}
        answer = await kurento.call("invoke", object=5, operation="getName")
        assert answer["error"] == {"code": -32000, "message": "'object' parameter should be a string"}
        async with raw_kurento(server.url) as unbound:
            assert await unbound.code("unsubscribe", object="x", subscription="y") == -32000
            answer = await unbound.exchange({"id": 1, "jsonrpc": "2.0", "method": "create", "params": [1]})
            assert answer["error"]["code"] == -32603


async def test_ping_and_connect() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        assert (await kurento.call("ping"))["result"] == {"value": "pong"}
        connected = (await kurento.call("connect"))["result"]
        assert set(connected) == {"serverId", "sessionId"}
        assert (await kurento.call("ping"))["result"] == {"value": "pong", "sessionId": connected["sessionId"]}
        answer = await kurento.call("connect", sessionId="unknown")
        assert answer["error"] == {
            "code": 40007,
            "data": {"type": "INVALID_SESSION"},
            "message": "Invalid session",
        }
        # the error binds nothing: the old session still goes along by itself
        assert (await kurento.call("ping"))["result"]["sessionId"] == connected["sessionId"]
        async with raw_kurento(server.url) as other:
            assert (await other.call("connect"))["result"]["serverId"] == connected["serverId"]


async def test_a_null_session_is_an_empty_one_and_binds_nothing() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        answer = await kurento.call("create", type="MediaPipeline", sessionId=None)
        assert answer["result"]["sessionId"] == ""
        assert (await kurento.call("ping"))["result"] == {"value": "pong"}


async def test_result_shapes() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        answer = await kurento.call("invoke", object=pipeline, operation="setName", operationParams={"name": "n"})
        assert answer["result"] == {"sessionId": kurento.session, "value": None}
        subscription = await kurento.value("subscribe", object=pipeline, type="Error")
        bare = {"sessionId": kurento.session}
        answer = await kurento.call("unsubscribe", object=pipeline, subscription=subscription)
        assert answer["result"] == bare
        for method in ("ref", "unref", "release"):
            assert (await kurento.call(method, object=pipeline))["result"] == bare
        assert (await kurento.call("describe", object=MANAGER))["result"] == {
            **bare,
            "type": "ServerManager",
            "qualifiedType": "kurento.ServerManager",
            "hierarchy": ["kurento.MediaObject"],
        }
        assert (await kurento.call("keepAlive"))["result"] == bare
        answer = await kurento.call("closeSession")
        assert answer == {"id": answer["id"], "jsonrpc": "2.0", "result": None}


async def test_notifications_are_executed() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        await kurento.done("connect")
        create = {"jsonrpc": "2.0", "method": "create", "params": {"type": "MediaPipeline"}}
        await kurento.send(create)
        said = await kurento.others.get()
        assert said["id"] is None
        assert said["error"]["code"] == -32000
        assert said["error"]["message"] == "Ignoring response because of a notification request"
        made = said["error"]["data"]["value"]
        assert await kurento.invoke(MANAGER, "getPipelines") == [made]
        await kurento.send({"id": None, "jsonrpc": "2.0", "method": "closeSession"})
        assert await kurento.others.get() == ""
        await kurento.send({"jsonrpc": "2.0", "method": "describe", "params": {"object": made}})
        assert (await kurento.others.get())["error"]["code"] == 40101


async def test_the_answer_to_a_notification_binds_nothing() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        await kurento.send({"jsonrpc": "2.0", "method": "create", "params": {"type": "MediaPipeline"}})
        assert (await kurento.others.get())["error"]["data"]["sessionId"]
        assert (await kurento.call("ping"))["result"] == {"value": "pong"}
