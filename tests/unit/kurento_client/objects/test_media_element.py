from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kurento_client import ElementConnectionData, MediaElement, MediaPipeline, MediaType, WouldCrashServer
from testkit.fakes.scripted_kurento import conversation

SOURCE, SINK = "p_kurento.MediaPipeline/a_kurento.WebRtcEndpoint", "p_kurento.MediaPipeline/b_kurento.WebRtcEndpoint"
CONNECTION = {
    "source": SOURCE,
    "sink": SINK,
    "type": "VIDEO",
    "sourceDescription": "default",
    "sinkDescription": "default",
}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], {}),
        ([MediaType.VIDEO], {"mediaType": "VIDEO"}),
        ([MediaType.VIDEO, "s"], {"mediaType": "VIDEO", "sourceMediaDescription": "s"}),
        (
            [MediaType.AUDIO, None, "d"],
            {"mediaType": "AUDIO", "sourceMediaDescription": "default", "sinkMediaDescription": "d"},
        ),
    ],
)
@pytest.mark.parametrize("operation", ["connect", "disconnect"])
async def test_optional_arguments_come_with_all_before_them(operation: str, given: list[Any], sent: Any) -> None:
    async with conversation() as (kurento, client):
        source = MediaElement(client, SOURCE)
        await getattr(source, operation)(MediaElement(client, SINK), *given)
        requests = [each for each in kurento.requests if each.method == "invoke"]
    assert (requests[0].params or {})["operationParams"] == {"sink": SINK, **sent}
    assert (requests[0].params or {})["operation"] == operation


async def test_a_sink_is_an_element_of_a_type_if_described() -> None:
    async with conversation() as (kurento, client):
        source = MediaElement(client, SOURCE)
        with pytest.raises(TypeError):
            await source.connect(MediaPipeline(client, "p_kurento.MediaPipeline"))  # type: ignore[arg-type]
        with pytest.raises(WouldCrashServer):
            await source.connect(MediaElement(client, "p_kurento.MediaPipeline"))
        with pytest.raises(ValueError, match="media type"):
            await source.connect(MediaElement(client, SINK), sink_description="x")
        assert len(kurento.requests) == 1


@pytest.mark.parametrize(
    ("act", "operation", "params", "answer", "result"),
    [
        (
            lambda it: it.get_source_connections(),
            "getSourceConnections",
            {},
            [CONNECTION],
            (ElementConnectionData(SOURCE, SINK, MediaType.VIDEO),),
        ),
        (
            lambda it: it.get_sink_connections(MediaType.DATA),
            "getSinkConnections",
            {"mediaType": "DATA"},
            [],
            (),
        ),
        (
            lambda it: it.is_media_flowing_in(MediaType.AUDIO),
            "isMediaFlowingIn",
            {"mediaType": "AUDIO"},
            True,
            True,
        ),
        (
            lambda it: it.is_media_flowing_out(MediaType.VIDEO),
            "isMediaFlowingOut",
            {"mediaType": "VIDEO"},
            False,
            False,
        ),
        (lambda it: it.get_stats(), "getStats", {}, None, {}),
        (
            lambda it: it.get_stats(MediaType.VIDEO),
            "getStats",
            {"mediaType": "VIDEO"},
            {"a": {"id": "a"}},
            {"a": {"id": "a"}},
        ),
    ],
)
async def test_an_operation(
    act: Callable[[MediaElement], Awaitable[Any]], operation: str, params: Any, answer: Any, result: Any
) -> None:
    async with conversation() as (kurento, client):
        kurento.answers[operation] = lambda _: answer
        assert await act(MediaElement(client, SOURCE)) == result
        sent = (await kurento.received(operation)).params or {}
    assert sent["operationParams"] == params
