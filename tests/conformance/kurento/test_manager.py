"""The server manager and the serial connection (checklist 37, 38)."""

import asyncio
import time

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import raw_kurento

SETTINGS = Settings(port=0)
MANAGER = "manager_ServerManager"


async def test_what_it_says_of_itself() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        info = await kurento.invoke(MANAGER, "getInfo")
        assert info["type"] == "KMS"
        assert info["capabilities"] == ["transactions"]
        assert [m["name"] for m in info["modules"]] == ["core", "elements", "filters"]
        made = [f for m in info["modules"] for f in m["factories"]]
        assert {"MediaPipeline", "WebRtcEndpoint", "HubPort", "PassThrough", "RtpEndpoint"} <= set(made)
        memory = await kurento.invoke(MANAGER, "getUsedMemory")
        assert isinstance(memory, int)
        assert 10_000 < memory < 10_000_000
        assert await kurento.invoke(MANAGER, "getCpuCount") >= 1
        assert await kurento.invoke(MANAGER, "getMetadata") == ""
        assert await kurento.refused(MANAGER, "getUsedCpu") == 40001
        assert await kurento.invoke(MANAGER, "getUsedCpu", interval=0) is None
        answer = await kurento.call(
            "invoke", object=MANAGER, operation="getKmd", operationParams={"moduleName": "nope"}
        )
        assert (answer["error"]["code"], answer["error"]["data"]["type"]) == (40500, "UNDEFINED")


async def test_pipelines_and_sessions() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipelines = sorted([await kurento.pipeline(), await kurento.pipeline()])
        assert await kurento.invoke(MANAGER, "getPipelines") == pipelines
        sessions = await kurento.invoke(MANAGER, "getSessions")
        assert [s for s in sessions if s] == [kurento.session]
        assert await kurento.invoke(MANAGER, "getChildren") == []
        assert await kurento.invoke(MANAGER, "getMediaPipeline") is None
        assert await kurento.invoke(MANAGER, "getParent") is None


async def test_a_connection_is_serial_and_others_are_not_held_up() -> None:
    async with (
        assemble(SETTINGS) as server,
        raw_kurento(server.url) as kurento,
        raw_kurento(server.url, 9000) as other,
        asyncio.TaskGroup() as tasks,
    ):
        began = time.monotonic()
        busy = tasks.create_task(kurento.invoke(MANAGER, "getUsedCpu", interval=600))
        await asyncio.sleep(0)
        behind = tasks.create_task(kurento.call("ping"))
        await other.done("ping")
        assert not busy.done()
        await behind
        assert time.monotonic() - began >= 0.6
        assert busy.done()
        assert isinstance(busy.result(), float)
