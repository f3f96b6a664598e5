import asyncio

import pytest
from websockets.exceptions import InvalidURI

from kurento_client import (
    AttemptFailed,
    CallTimedOut,
    Connected,
    KurentoClient,
    KurentoError,
    Lost,
    MediaPipeline,
    NotConnected,
    Options,
    ServerManager,
    UnexpectedAnswer,
    WebRtcEndpoint,
    WouldCrashServer,
    connect,
)
from kurento_client.events import IceGatheringDone, MediaEvent
from kurento_client.jsonrpc import Code, JsonRpcError, Request, encode_result
from testkit.fakes.scripted_kurento import SILENCE, Whole, conversation, scripted_kurento

QUICK = Options(open_timeout=0.3, backoff_first=0.02, backoff_longest=0.1, close_timeout=0.05)
PIPELINE = "71bd7d9e_kurento.MediaPipeline"


def params(request: Request) -> dict[str, object]:
    """Return the parameters without the session."""
    return {key: value for key, value in (request.params or {}).items() if key != "sessionId"}


async def next_event(client: KurentoClient) -> MediaEvent:
    async with asyncio.timeout(5):
        return await anext(client.events)


async def test_it_is_entered_before_it_is_connected() -> None:
    async with scripted_kurento() as kurento:
        await kurento.stop()
        async with connect(kurento.url, QUICK) as client:
            assert (client.connected, client.server_id, client.session_id) == (False, None, None)
            with pytest.raises(NotConnected):
                await client.ping()
            with pytest.raises(NotConnected):
                await client.opened(timeout=0.05)
            assert isinstance(await anext(client.states), AttemptFailed)
            await kurento.start()
            await client.opened(timeout=5)
            assert client.server_id == kurento.server_id
            await client.ping()


async def test_no_url_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidURI):
        async with connect("http://127.0.0.1/kurento"):
            pass


async def test_what_the_block_raises_leaves_it_unwrapped() -> None:
    async with scripted_kurento() as kurento:
        with pytest.raises(KeyError):
            async with connect(kurento.url):
                raise KeyError("mine")


async def test_both_streams_end_with_the_client() -> None:
    async with conversation() as (_, client):
        pass
    assert [state async for state in client.states if not isinstance(state, Connected)] == []
    assert [event async for event in client.events] == []


async def test_objects_are_created_with_what_official_clients_send() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["create"] = lambda _: PIPELINE
        pipeline = await client.create_pipeline()
        assert pipeline == MediaPipeline(client, PIPELINE)
        assert params(await kurento.received("create")) == {
            "type": "MediaPipeline",
            "constructorParams": {},
            "properties": {},
        }


@pytest.mark.parametrize("wrong", [None, 5, {}])
async def test_an_answer_of_another_shape_is_said(wrong: object) -> None:
    async with conversation() as (kurento, client):
        kurento.answers["create"] = lambda _: wrong
        with pytest.raises(UnexpectedAnswer):
            await client.create("MediaPipeline")


async def test_a_missing_value_is_that_of_a_void_operation() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["setName"] = lambda _: Whole({"sessionId": "s"})
        assert await client.invoke("x", "setName", {"name": "n"}) is None


async def test_every_other_method_has_its_own_parameters() -> None:
    async with conversation() as (kurento, client):
        await client.ping()
        await client.ref("x")
        await client.unref("x")
        await client.release("x")
        await client.unsubscribe("x", "s")
        made = [(each.method, params(each)) for each in kurento.requests[1:]]
    assert made == [
        ("ping", {}),
        ("ref", {"object": "x"}),
        ("unref", {"object": "x"}),
        ("release", {"object": "x"}),
        ("unsubscribe", {"object": "x", "subscription": "s"}),
    ]


async def test_a_refusal_keeps_code_type_and_message() -> None:
    def malformed(_: Request) -> None:
        raise JsonRpcError.kurento(Code.MALFORMED_TRANSACTION, "Method 'x' with 0 parameters not found")

    async with conversation() as (kurento, client):
        kurento.answers["invoke"] = malformed
        with pytest.raises(KurentoError) as refused:
            await client.invoke("o", "x")
    assert (refused.value.code, refused.value.type) == (40008, "MALFORMED_TRANSACTION")


async def test_what_crashes_the_server_is_not_sent() -> None:
    async with conversation() as (kurento, client):
        with pytest.raises(WouldCrashServer):
            await client.invoke(f"{PIPELINE}/a_kurento.WebRtcEndpoint", "getIceTcp")
        with pytest.raises(WouldCrashServer):
            await client.invoke(f"{PIPELINE}/a_kurento.WebRtcEndpoint", "connect", {"sink": PIPELINE})
        assert [each.method for each in kurento.requests] == ["connect"]


async def test_events_arrive_typed_and_may_come_before_the_answer() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["gatherCandidates"] = lambda _: SILENCE
        async with asyncio.TaskGroup() as group:
            call = group.create_task(client.invoke("e", "gatherCandidates"))
            request = await kurento.received("gatherCandidates")
            await kurento.emit("e", "IceGatheringDone", timestampMillis="5")
            event = await next_event(client)
            assert isinstance(event, IceGatheringDone)
            assert (event.object, event.timestamp_millis, call.done()) == ("e", 5, False)
            await kurento.send(encode_result(request.id, {"value": None}))


async def test_a_data_channel_opens_once() -> None:
    async with conversation() as (kurento, client):
        for channel in (1, 1, 2):
            await kurento.emit("e", "DataChannelOpened", channelId=channel)
        assert [(await next_event(client)).data["channelId"] for _ in range(2)] == [1, 2]


async def test_calls_may_be_made_while_events_are_handled() -> None:
    async with conversation() as (kurento, client):
        await kurento.emit("e", "IceGatheringDone")
        async for event in client.events:
            await client.invoke(event.object, "getLocalSessionDescriptor")
            break
        await kurento.received("getLocalSessionDescriptor")


async def test_an_overflow_of_events_is_heard_and_what_was_kept_is_read() -> None:
    options = Options(event_limit=2, backoff_first=0.02, close_timeout=0.05)
    async with conversation(options) as (kurento, client):
        assert isinstance(await anext(client.states), Connected)
        for n in range(3):
            await kurento.emit("e", f"T{n}")
        assert await anext(client.states) == Lost("more events than their reader takes")
        assert [(await next_event(client)).type for _ in range(2)] == ["T0", "T1"]
        again = await anext(client.states)
        assert isinstance(again, Connected)
        assert again.same_session
        await kurento.emit("e", "T4")
        assert (await next_event(client)).type == "T4"


async def test_a_closed_session_is_followed_by_another() -> None:
    async with conversation(QUICK) as (kurento, client):
        first = client.session_id
        kurento.answers["closeSession"] = lambda _: Whole(None)
        await client.close_session(release=True)
        assert params(await kurento.received("closeSession")) == {"release": True}
        await kurento.received("connect", count=2)
        await client.opened(timeout=5)
        assert client.session_id not in (None, first)


async def test_a_process_may_keep_many_clients() -> None:
    async with scripted_kurento() as kurento, asyncio.TaskGroup() as group:

        async def talk() -> str | None:
            async with connect(kurento.url) as client:
                await client.opened()
                await asyncio.gather(*(client.ping() for _ in range(10)))
                return client.session_id

        made = [group.create_task(talk()) for _ in range(20)]
        sessions = {await each for each in made}
    assert len(sessions) == 20
    assert len({each.id for each in kurento.requests}) == 20 * 11


async def test_handles_are_made_without_asking() -> None:
    async with conversation() as (kurento, client):
        assert client.server_manager() == ServerManager(client)
        assert isinstance(client.handle(f"{PIPELINE}/a_kurento.WebRtcEndpoint"), WebRtcEndpoint)
        assert len(kurento.requests) == 1


async def test_a_call_may_have_a_deadline_of_its_own() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["invoke"] = lambda _: SILENCE
        with pytest.raises(CallTimedOut, match=r"0\.05"):
            await client.invoke("x", "getName", timeout=0.05)
