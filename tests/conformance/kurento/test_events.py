"""Subscriptions and where events go (checklist 22-28)."""

import asyncio

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

SETTINGS = Settings(port=0)
MANAGER = "manager_ServerManager"


async def settled(kurento: RawKurento) -> None:
    """Wait until what was on its way has come: frames of one connection keep their order."""
    await kurento.done("ping")


async def test_the_shape_of_an_event() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.invoke(endpoint, "addTag", key="k", value="v")
        await kurento.subscribe(endpoint, "ElementConnected")
        await kurento.invoke(endpoint, "connect", sink=endpoint, mediaType="AUDIO")
        data = await kurento.event("ElementConnected")
        (frame,) = kurento.events
        assert set(frame) == {"jsonrpc", "method", "params"}
        assert frame["method"] == "onEvent"
        assert set(frame["params"]) == {"value"}
        assert set(frame["params"]["value"]) == {"data", "object", "type"}
        assert data["source"] == frame["params"]["value"]["object"] == endpoint
        assert data["type"] == "ElementConnected"
        assert data["tags"] == []
        assert isinstance(data["timestampMillis"], str)
        assert int(data["timestampMillis"]) > 1_600_000_000_000
        await kurento.invoke(endpoint, "setSendTagsInEvents", sendTagsInEvents=True)
        await kurento.invoke(endpoint, "connect", sink=endpoint, mediaType="AUDIO")
        assert [(t["key"], t["value"]) for t in (await kurento.event("ElementConnected", nth=2))["tags"]] == [
            ("k", "v")
        ]


async def test_objects_come_and_go() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, raw_kurento(server.url) as other:
        await kurento.subscribe(MANAGER, "ObjectCreated", "ObjectDestroyed")
        pipeline = await other.pipeline()
        endpoint = await other.endpoint(pipeline)
        for nth, made in enumerate((pipeline, endpoint), 1):
            data = await kurento.event("ObjectCreated", nth=nth)
            assert data["object"] == made
            assert "type" not in data
        await other.done("release", object=pipeline)
        gone = [(await kurento.event("ObjectDestroyed", nth=nth))["objectId"] for nth in (1, 2)]
        assert gone == [endpoint, pipeline]


async def test_two_subscriptions_are_one_delivery() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        subscriptions = [await kurento.value("subscribe", object=MANAGER, type="ObjectCreated") for _ in range(2)]
        assert len(set(subscriptions)) == 2
        for expected, subscription in enumerate(subscriptions, 1):
            await kurento.pipeline()
            await settled(kurento)
            assert len(kurento.seen("ObjectCreated")) == expected
            await kurento.done("unsubscribe", object=MANAGER, subscription=subscription)
        await kurento.pipeline()
        await settled(kurento)
        assert len(kurento.seen("ObjectCreated")) == 2


async def test_unsupported_events_and_nonsense() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        answer = await kurento.call("subscribe", object=pipeline, type="IceCandidateFound")
        assert answer["error"]["code"] == 40106
        assert answer["error"]["message"] == "Event 'IceCandidateFound' not supported"
        assert await kurento.code("subscribe", object="gone", type="Error") == 40101
        for target in (pipeline, "gone"):
            assert "result" in await kurento.call("unsubscribe", object=target, subscription="nonsense")


async def test_a_session_is_heard_where_it_was_bound_last() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, raw_kurento(server.url, 1000) as maker:
        await kurento.subscribe(MANAGER, "ObjectCreated")
        mine = kurento.session
        other = (await kurento.call("create", type="MediaPipeline", sessionId="another"))["result"]
        assert other["sessionId"] == "another"
        await settled(kurento)
        before = len(kurento.seen("ObjectCreated"))
        await maker.pipeline()
        await settled(kurento)
        assert len(kurento.seen("ObjectCreated")) == before  # bound to the other session, the first is mute
        await kurento.done("ping", sessionId=mine)
        await maker.pipeline()
        await kurento.event("ObjectCreated", nth=before + 1)


async def test_a_second_socket_steals_the_events() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as first, raw_kurento(server.url, 1000) as second:
        await first.subscribe(MANAGER, "ObjectCreated")
        await second.done("connect", sessionId=first.session)
        await second.pipeline()
        await second.event("ObjectCreated")
        assert first.events == []
        # the first stays open and, having lost its session, gets a new one
        answer = await first.call("create", type="MediaPipeline")
        assert answer["result"]["sessionId"] != second.session
        await second.event("ObjectCreated", nth=2)


async def test_a_reconnected_session_keeps_its_subscriptions() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url, 5000) as maker:
        async with raw_kurento(server.url) as first:
            connected = (await first.call("connect"))["result"]
            await first.subscribe(MANAGER, "ObjectCreated")
        await maker.pipeline()
        async with raw_kurento(server.url, 1000) as second:
            again = (await second.call("connect", sessionId=connected["sessionId"]))["result"]
            assert again == connected
            made = await maker.pipeline()
            assert (await second.event("ObjectCreated"))["object"] == made  # what was missed is not replayed


async def test_a_released_object_ends_its_subscriptions_silently() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.subscribe(endpoint, "ElementConnected", "ElementDisconnected")
        await kurento.invoke(endpoint, "connect", sink=endpoint)
        await kurento.event("ElementConnected", nth=3)
        await kurento.done("release", object=endpoint)
        await settled(kurento)
        await asyncio.sleep(0)
        assert await kurento.refused(endpoint, "getName") == 40101
