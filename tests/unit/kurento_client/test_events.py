from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client import FlowState, IceCandidate, IceComponentState, MediaType
from kurento_client.events import (
    ErrorRaised,
    IceCandidateFound,
    IceComponentStateChanged,
    MediaEvent,
    MediaFlowOutStateChanged,
    ObjectCreated,
    ObjectDestroyed,
    typed,
)
from kurento_client.jsonrpc import Event
from testkit.fakes.kurento_frames import events


def recorded(type: str) -> MediaEvent:
    """Return the recorded event of a type, as the client passes it on."""
    found = [each["params"]["value"] for each in events() if each["params"]["value"]["type"] == type]
    return typed(Event(found[0]["object"], type, found[0]["data"]))


def test_a_candidate_is_found() -> None:
    event = recorded("IceCandidateFound")
    assert isinstance(event, IceCandidateFound)
    assert event.candidate == IceCandidate("candidate:1 1 UDP 2015364095 127.0.0.1 61967 typ host", "0", 0)


def test_the_stream_of_a_component_is_an_integer() -> None:
    event = recorded("IceComponentStateChanged")
    assert isinstance(event, IceComponentStateChanged)
    assert (event.stream_id, event.component_id, event.state) == (1, 1, IceComponentState.GATHERING)


def test_media_flows_out() -> None:
    event = recorded("MediaFlowOutStateChanged")
    assert isinstance(event, MediaFlowOutStateChanged)
    assert (event.state, event.media_type) == (FlowState.FLOWING, MediaType.VIDEO)


def test_created_and_destroyed_use_different_keys() -> None:
    created, destroyed = recorded("ObjectCreated"), recorded("ObjectDestroyed")
    assert isinstance(created, ObjectCreated)
    assert isinstance(destroyed, ObjectDestroyed)
    assert created.object == destroyed.object == "manager_ServerManager"
    assert created.created == created.data["object"]
    assert destroyed.destroyed == destroyed.data["objectId"]


def test_an_error_has_a_kind_where_others_have_their_name() -> None:
    event = recorded("Error")
    assert isinstance(event, ErrorRaised)
    assert (event.type, event.kind) == ("Error", "RESOURCE_ERROR_WRITE")


@pytest.mark.parametrize(
    ("type", "data"), [("IceCandidateFound", {}), ("Nobody", {"a": 1}), ("MediaStateChanged", {"newState": "UP"})]
)
def test_what_is_not_known_is_passed_on_plain(type: str, data: dict[str, Any]) -> None:
    event = typed(Event("o", type, data))
    assert event == MediaEvent("o", type, data)
    assert event.timestamp_millis is None


types = st.sampled_from(sorted({each["params"]["value"]["type"] for each in events()}))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=3,
)
keys = st.sampled_from(["candidate", "state", "streamId", "type", "channelId", "timestampMillis", "sink"])


@given(types, st.dictionaries(keys, values))
def test_arbitrary_data_never_crashes(type: str, data: dict[str, Any]) -> None:
    event = typed(Event("o", type, data))
    assert (event.type, event.data) == (type, data)
    assert event.timestamp_millis is None or event.timestamp_millis >= 0
