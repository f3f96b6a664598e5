from typing import Any

import pytest

from kurento_client import (
    MediaPipeline,
    NotEnoughResources,
    TransactionFailed,
    UnexpectedAnswer,
    WebRtcEndpoint,
    WouldCrashServer,
)
from kurento_client.jsonrpc import Request
from testkit.fakes.scripted_kurento import conversation

REFUSED = {"code": 40009, "message": "full", "data": {"type": "NOT_ENOUGH_RESOURCES"}}


def answers(*results: Any) -> Any:
    """Answer a transaction with inner results; a dict with a code is a refusal."""

    def one(index: int, result: Any) -> dict[str, Any]:
        if isinstance(result, dict):
            return {"id": index, "jsonrpc": "2.0", "error": result}
        return {"id": index, "jsonrpc": "2.0", "result": {"sessionId": "s", "value": result}}

    return lambda request: [one(*each) for each in enumerate(results)]


def operations(request: Request) -> list[dict[str, Any]]:
    return list((request.params or {})["operations"])


async def test_operations_name_what_earlier_ones_make() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["transaction"] = answers("p", None, "e", "sub", None)
        transaction = client.transaction()
        pipeline = transaction.create("MediaPipeline")
        transaction.invoke(pipeline, "addTag", key="session", value="s1")
        endpoint = transaction.create("WebRtcEndpoint", mediaPipeline=pipeline)
        subscription = transaction.subscribe(endpoint, "IceCandidateFound")
        transaction.invoke(endpoint, "connect", sink=endpoint)
        results = await transaction.commit()
        sent = operations(await kurento.received("transaction"))
    assert [each["id"] for each in sent] == [0, 1, 2, 3, 4]
    assert {each["jsonrpc"] for each in sent} == {"2.0"}
    assert sent[1]["params"] == {
        "object": "newref:0",
        "operation": "addTag",
        "operationParams": {"key": "session", "value": "s1"},
    }
    assert sent[2]["params"] == {"type": "WebRtcEndpoint", "constructorParams": {"mediaPipeline": "newref:0"}}
    assert sent[3]["params"] == {"object": "newref:2", "type": "IceCandidateFound"}
    assert sent[4]["params"]["operationParams"] == {"sink": "newref:2"}
    assert (results[pipeline], results[endpoint], results[subscription], results[-1]) == ("p", "e", "sub", None)
    assert len(results) == 5


async def test_handles_and_ids_are_named_by_their_id() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["transaction"] = answers("e", None, None)
        transaction = client.transaction()
        pipeline = MediaPipeline(client, "p_kurento.MediaPipeline")
        transaction.create("WebRtcEndpoint", mediaPipeline=pipeline)
        transaction.invoke("x_kurento.WebRtcEndpoint", "connect", sink=WebRtcEndpoint(client, "y"))
        transaction.release(pipeline)
        await transaction.commit()
        sent = operations(await kurento.received("transaction"))
    assert sent[0]["params"]["constructorParams"] == {"mediaPipeline": pipeline.id}
    assert sent[1]["params"]["operationParams"] == {"sink": "y"}
    assert sent[2] == {"id": 2, "jsonrpc": "2.0", "method": "release", "params": {"object": pipeline.id}}


async def test_a_refusal_names_the_operation_and_what_was_made_before() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["transaction"] = answers("p", None, REFUSED)
        transaction = client.transaction()
        pipeline = transaction.create("MediaPipeline")
        transaction.invoke(pipeline, "addTag", key="a", value="b")
        transaction.create("WebRtcEndpoint", mediaPipeline=pipeline)
        transaction.release(pipeline)
        with pytest.raises(TransactionFailed) as failed:
            await transaction.commit()
    assert (failed.value.index, failed.value.operation) == (2, "create WebRtcEndpoint")
    assert failed.value.created == ("p",)
    assert isinstance(failed.value.error, NotEnoughResources)
    assert failed.value.__cause__ is failed.value.error


async def test_too_few_results_are_no_success() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["transaction"] = answers("p")
        transaction = client.transaction()
        pipeline = transaction.create("MediaPipeline")
        transaction.invoke(pipeline, "getName")
        with pytest.raises(UnexpectedAnswer):
            await transaction.commit()


async def test_what_crashes_the_server_is_not_collected() -> None:
    async with conversation() as (_, client):
        transaction = client.transaction()
        pipeline = transaction.create("MediaPipeline")
        endpoint = transaction.create("WebRtcEndpoint", mediaPipeline=pipeline)
        with pytest.raises(WouldCrashServer):
            transaction.invoke(endpoint, "connect", sink=pipeline)
        with pytest.raises(WouldCrashServer):
            transaction.invoke(endpoint, "getIceTcp")
