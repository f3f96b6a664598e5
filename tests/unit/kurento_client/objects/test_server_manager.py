from kurento_client import MediaPipeline, ServerManager
from testkit.fakes.scripted_kurento import conversation


async def test_it_is_always_the_same_object() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["getUsedMemory"] = lambda _: 90836
        assert await ServerManager(client).get_used_memory() == 90836
        sent = (await kurento.received("getUsedMemory")).params or {}
    assert sent["object"] == "manager_ServerManager"


async def test_it_lists_pipelines_and_the_sessions_that_have_a_name() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["getPipelines"] = lambda _: ["p_kurento.MediaPipeline"]
        kurento.answers["getSessions"] = lambda _: ["", "", "a", "b"]
        manager = ServerManager(client)
        assert await manager.get_pipelines() == (MediaPipeline(client, "p_kurento.MediaPipeline"),)
        assert await manager.get_sessions() == ("a", "b")


async def test_it_tells_of_the_server() -> None:
    info = {"version": "7.3.1-dev", "type": "KMS", "capabilities": ["transactions"], "modules": []}
    async with conversation() as (kurento, client):
        kurento.answers["getInfo"] = lambda _: info
        kurento.answers["getCpuCount"] = lambda _: 2
        kurento.answers["getMetadata"] = lambda _: ""
        manager = ServerManager(client)
        assert (await manager.get_info()).capabilities == ("transactions",)
        assert await manager.get_cpu_count() == 2
        assert await manager.get_metadata() == ""


def test_what_blocks_the_connection_is_left_out() -> None:
    assert not hasattr(ServerManager, "get_used_cpu")
