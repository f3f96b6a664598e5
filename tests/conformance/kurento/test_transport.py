"""The WebSocket itself (protocol 1 and 2.4, checklist 1-5 and 57)."""

import asyncio
import json
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import raw_kurento

SETTINGS = Settings(port=0)
PING = {"id": 1, "jsonrpc": "2.0", "method": "ping"}


@pytest.mark.parametrize("path", ["/", "/Kurento", "/kurento/", "/kurento/x"])
async def test_another_path_is_closed_after_the_handshake(path: str) -> None:
    async with assemble(SETTINGS) as server, connect(f"ws://127.0.0.1:{server.port}{path}") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1002, "Invalid path")


async def test_a_query_string_is_ignored() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(f"{server.url}?token=x") as kurento:
        assert await kurento.value("ping") == "pong"


async def test_no_subprotocol_is_selected() -> None:
    async with assemble(SETTINGS) as server, connect(server.url, subprotocols=["kurento"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol is None
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_large_message_passes_and_a_larger_one_closes() -> None:
    async with assemble(SETTINGS) as server, connect(server.url, max_size=None, compression=None) as socket:
        padded = {**PING, "params": {"padding": ""}}
        room = 31_000_000 - len(json.dumps(padded))
        padded["params"] = {"padding": "x" * room}
        await socket.send(json.dumps(padded))
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))["result"] == {"value": "pong"}
        with pytest.raises(ConnectionClosed) as closed:
            # the announcement of a frame is enough: nobody should have to read 32 MB to refuse them
            socket.transport.write(struct.pack("!BBQ4x", 0x81, 0xFF, 32_000_001))
            await asyncio.wait_for(socket.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_binary_frame_is_answered_in_text() -> None:
    async with assemble(SETTINGS) as server, connect(server.url) as socket:
        await socket.send(json.dumps(PING).encode())
        answer = await asyncio.wait_for(socket.recv(), 5)
        assert isinstance(answer, str)
        assert json.loads(answer)["result"] == {"value": "pong"}


async def http(port: int, *headers: str) -> bytes:
    """Send a GET by hand and return the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = ["GET /kurento HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        return await asyncio.wait_for(reader.readline(), 5)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_plain_http_and_half_an_upgrade() -> None:
    async with assemble(SETTINGS) as server:
        assert b" 426 " in await http(server.port)
        assert b" 500 " in await http(server.port, "Connection: Upgrade", "Upgrade: websocket")


@pytest.mark.parametrize("text", ["", "{", "hello", '{"id": NaN}', "[" * 200_000])
async def test_what_is_no_json_drops_the_line_without_a_word(text: str) -> None:
    async with assemble(SETTINGS) as server, connect(server.url) as socket:
        await socket.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is None
        async with raw_kurento(server.url) as other:
            assert await other.value("ping") == "pong"


@pytest.mark.parametrize("frame", [[PING], {**PING, "params": [1]}])
async def test_a_batch_and_positional_params_drop_a_bound_connection(frame: object) -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        await kurento.done("connect")
        await kurento.send(json.dumps(frame))
        await asyncio.wait_for(kurento.socket.wait_closed(), 5)
        assert kurento.socket.close_code == 1006


async def test_pongs_come_while_a_call_blocks() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, asyncio.TaskGroup() as tasks:
        busy = {"object": "manager_ServerManager", "operation": "getUsedCpu"}
        call = tasks.create_task(kurento.call("invoke", **busy, operationParams={"interval": 800}))
        await asyncio.sleep(0)
        pong = await kurento.socket.ping()
        await asyncio.wait_for(pong, 5)
        assert not call.done()
