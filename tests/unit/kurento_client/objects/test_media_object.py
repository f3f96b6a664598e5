from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kurento_client import MediaElement, MediaObject, MediaPipeline, TagNotFound, WebRtcEndpoint
from kurento_client.jsonrpc import Code, JsonRpcError, Request
from testkit.fakes.scripted_kurento import Whole, conversation

ID = "p_kurento.MediaPipeline"


@pytest.mark.parametrize(
    ("act", "operation", "params", "answer", "result"),
    [
        (lambda it: it.get_id(), "getId", {}, ID, ID),
        (lambda it: it.get_name(), "getName", {}, "n", "n"),
        (lambda it: it.set_name("n"), "setName", {"name": "n"}, None, None),
        (lambda it: it.get_creation_time(), "getCreationTime", {}, 1795220246, 1795220246),
        (lambda it: it.add_tag("k", "v"), "addTag", {"key": "k", "value": "v"}, None, None),
        (lambda it: it.get_tag("k"), "getTag", {"key": "k"}, "v", "v"),
        (lambda it: it.get_tags(), "getTags", {}, [{"key": "k", "value": "v"}], {"k": "v"}),
        (lambda it: it.remove_tag("k"), "removeTag", {"key": "k"}, None, None),
        (lambda it: it.get_send_tags_in_events(), "getSendTagsInEvents", {}, True, True),
        (
            lambda it: it.set_send_tags_in_events(True),
            "setSendTagsInEvents",
            {"sendTagsInEvents": True},
            None,
            None,
        ),
        (lambda it: it.get_children_ids(), "getChildren", {}, ["a", "b"], ("a", "b")),
        (lambda it: it.get_parent_id(), "getParent", {}, None, None),
        (lambda it: it.get_parent_id(), "getParent", {}, "p", "p"),
        (lambda it: it.get_media_pipeline_id(), "getMediaPipeline", {}, ID, ID),
    ],
)
async def test_an_operation(
    act: Callable[[MediaObject], Awaitable[Any]], operation: str, params: Any, answer: Any, result: Any
) -> None:
    async with conversation() as (kurento, client):
        kurento.answers[operation] = lambda _: answer
        assert await act(MediaObject(client, ID)) == result
        sent = (await kurento.received(operation)).params or {}
    assert (sent["object"], sent["operationParams"]) == (ID, params)


async def test_children_are_handles_of_their_own_class() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["getChildren"] = lambda _: [f"{ID}/a_kurento.WebRtcEndpoint", f"{ID}/b_kurento.PassThrough"]
        children = await MediaPipeline(client, ID).get_children()
    assert [type(each) for each in children] == [WebRtcEndpoint, MediaElement]


async def test_it_is_described_subscribed_to_and_released() -> None:
    described = {"sessionId": "s", "type": "MediaPipeline", "qualifiedType": "k", "hierarchy": []}
    async with conversation() as (kurento, client):
        kurento.answers["describe"] = lambda _: Whole(described)
        kurento.answers["subscribe"] = lambda _: "sub"
        it = MediaObject(client, ID)
        assert (await it.describe()).type == "MediaPipeline"
        assert await it.subscribe("Error") == "sub"
        await it.unsubscribe("sub")
        await it.release()
        sent = [(each.params or {})["object"] for each in kurento.requests[1:]]
    assert sent == [ID] * 4


async def test_an_unset_tag_is_not_found() -> None:
    def unset(_: Request) -> None:
        raise JsonRpcError.kurento(Code.MEDIA_OBJECT_TAG_KEY_NOT_FOUND, "Tag key not found")

    async with conversation() as (kurento, client):
        kurento.answers["getTag"] = unset
        with pytest.raises(TagNotFound):
            await MediaObject(client, ID).get_tag("k")


async def test_handles_of_one_object_are_equal() -> None:
    async with conversation() as (_, one), conversation() as (_, other):
        assert MediaPipeline(one, ID) == MediaPipeline(other, ID)
        assert hash(MediaPipeline(one, ID)) == hash(MediaPipeline(other, ID))
        assert MediaPipeline(one, ID) != MediaPipeline(one, "q_kurento.MediaPipeline")
        assert repr(MediaPipeline(one, ID)) == f"MediaPipeline(id='{ID}')"
        with pytest.raises(ValueError, match="has an id"):
            MediaObject(one, "")
