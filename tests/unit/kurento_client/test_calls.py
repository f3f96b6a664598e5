import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from kurento_client import CallTimedOut, ObjectNotFound, Options, OutcomeUnknown
from kurento_client.calls import LARGEST, Calls
from kurento_client.jsonrpc import Code, JsonRpcError, Request, Response, encode_result
from kurento_client.websocket import opened
from testkit.fakes.scripted_kurento import SILENCE, ScriptedKurento, scripted_kurento


@dataclass(frozen=True)
class Talk:
    kurento: ScriptedKurento
    socket: ClientConnection
    calls: Calls

    async def call(self, method: str, timeout: float = 5.0, **params: Any) -> Response:
        return await self.calls.call(self.socket, method, params, timeout)


@asynccontextmanager
async def talk() -> AsyncIterator[Talk]:
    """Run a server, a socket to it, and calls whose answers are read from it."""
    calls = Calls()
    calls.protocol.session_id = "s"

    async def read(socket: ClientConnection) -> None:
        async for text in socket:
            calls.receive(text)

    async with scripted_kurento() as kurento, opened(kurento.url, Options()) as socket, asyncio.TaskGroup() as group:
        reading = group.create_task(read(socket))
        yield Talk(kurento, socket, calls)
        reading.cancel()


async def test_many_calls_in_flight_find_their_own_answers() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda request: (request.params or {})["object"]
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(line.call("invoke", object=str(n))) for n in range(500)]
    assert [each.result().value for each in made] == [str(n) for n in range(500)]


async def test_a_refusal_is_raised_as_its_class() -> None:
    def gone(_: Request) -> None:
        raise JsonRpcError.kurento(Code.MEDIA_OBJECT_NOT_FOUND, "Object 'x' not found")

    async with talk() as line:
        line.kurento.answers["invoke"] = gone
        with pytest.raises(ObjectNotFound, match="not found"):
            await line.call("invoke", object="x")


async def test_no_answer_within_the_deadline_is_said() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda _: SILENCE
        with pytest.raises(CallTimedOut):
            await line.call("invoke", timeout=0.05)
        assert line.calls.protocol.pending == 0
        assert (await line.call("ping")).value is None


async def test_a_late_answer_disturbs_nobody() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda _: SILENCE
        with pytest.raises(CallTimedOut):
            await line.call("invoke", timeout=0.05)
        late = await line.kurento.received("invoke")
        await line.kurento.send(json.dumps({"id": late.id, "jsonrpc": "2.0", "result": {}}))
        await line.call("ping")


async def test_a_cancelled_call_is_forgotten() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda _: SILENCE
        async with asyncio.TaskGroup() as group:
            call = group.create_task(line.call("invoke"))
            await line.kurento.received("invoke")
            call.cancel()
        assert line.calls.protocol.pending == 0


async def test_an_answer_in_the_moment_of_cancelling_is_dropped() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda _: SILENCE
        async with asyncio.TaskGroup() as group:
            call = group.create_task(line.call("invoke"))
            request = await line.kurento.received("invoke")
            call.cancel()
            assert line.calls.receive(encode_result(request.id, {})) == []
        assert call.cancelled()


async def test_calls_in_flight_at_the_end_have_an_unknown_outcome() -> None:
    async with talk() as line:
        line.kurento.answers["invoke"] = lambda _: SILENCE

        async def call() -> None:
            with pytest.raises(OutcomeUnknown) as unknown:
                await line.call("invoke")
            assert not isinstance(unknown.value, CallTimedOut)

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(call())
            await line.kurento.received("invoke", count=3)
            line.calls.lost()


async def test_a_call_on_a_closed_socket_has_an_unknown_outcome() -> None:
    async with talk() as line:
        await line.socket.close()
        with pytest.raises(OutcomeUnknown):
            await line.call("ping")


async def test_what_would_end_the_connection_is_not_sent() -> None:
    async with talk() as line:
        with pytest.raises(ValueError, match="more than Kurento takes"):
            await line.call("invoke", object="x" * LARGEST)
        with pytest.raises(ValueError, match="not JSON compliant"):
            await line.call("invoke", object=float("nan"))
        assert (line.calls.protocol.pending, line.kurento.requests) == (0, [])


def test_the_events_of_a_frame_are_returned_and_strays_are_not() -> None:
    calls = Calls()
    event = {"jsonrpc": "2.0", "method": "onEvent", "params": {"value": {"object": "o", "type": "T"}}}
    assert [each.type for each in calls.receive(json.dumps([event, 5, event]))] == ["T", "T"]
    assert calls.receive("") == calls.receive("no JSON") == []
