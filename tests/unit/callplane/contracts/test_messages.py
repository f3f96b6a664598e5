"""Events have the shapes of the design, and their types are those that messages may have."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from callplane.contracts import messages
from callplane.contracts.message_data import DATA
from callplane.contracts.messages import Event, MessageType

SHAPES: list[tuple[Event, str, dict[str, Any]]] = [
    (messages.participant_joined({"id": "p"}), "participant-joined", {"participant": {"id": "p"}}),
    (messages.participant_left("p", "left"), "participant-left", {"participant_id": "p", "reason": "left"}),
    (
        messages.participant_updated({"id": "p"}, {"name": "N"}),
        "participant-updated",
        {"participant": {"id": "p"}, "changes": {"name": "N"}},
    ),
    (messages.participants_muted(["audio"], ["p"]), "participants-muted", {"media": ["audio"], "but": ["p"]}),
    (messages.session_updated({"metadata": {}}), "session-updated", {"session": {"metadata": {}}}),
    (
        messages.state_changed("a", [None], "p"),
        "state-changed",
        {"key": "a", "value": [None], "participant_id": "p"},
    ),
    (messages.session_closed("over"), "session-closed", {"reason": "over"}),
    (
        messages.stream_published("p", "c", ["audio"], "microphone"),
        "stream-published",
        {"participant_id": "p", "connection_id": "c", "media": ["audio"], "source": "microphone"},
    ),
    (
        messages.stream_unpublished("p", "c", "stopped"),
        "stream-unpublished",
        {"participant_id": "p", "connection_id": "c", "reason": "stopped"},
    ),
    (messages.connection_state("c", "failed"), "connection-state", {"connection_id": "c", "state": "failed"}),
    (messages.media_lost(2, "gone"), "media-lost", {"epoch": 2, "reason": "gone"}),
    (messages.media_ready(2), "media-ready", {"epoch": 2}),
    (messages.connection_failed("c", "why"), "connection-failed", {"connection_id": "c", "reason": "why"}),
    (messages.participant_reconnecting("p"), "participant-reconnecting", {"participant_id": "p"}),
    (messages.participant_reconnected("p"), "participant-reconnected", {"participant_id": "p"}),
]


@pytest.mark.parametrize(("event", "type_", "data"), SHAPES, ids=[type_ for _, type_, _ in SHAPES])
def test_an_event_has_the_shape_of_the_design(event: Event, type_: str, data: dict[str, Any]) -> None:
    assert (event.type, event.data) == (type_, data)


def test_every_type_is_made_here_or_told_without_an_outbox() -> None:
    directly = {"answer", "ice-candidate", "signal", "unmute-requested", "resync-required", "error"}
    assert {type_ for _, type_, _ in SHAPES} | directly == set(get_args(MessageType))


def test_data_is_what_its_class_says() -> None:
    """docs/messages.md and the OpenAPI document are made of the classes: they tell neither more nor less."""
    assert set(DATA) == set(get_args(MessageType))
    whole = [(type_, data) for _, type_, data in SHAPES if "participant" not in data and "session" not in data]
    assert len(whole) > 8
    for type_, data in whole:
        told = DATA[type_].model_fields  # type: ignore[index]
        assert {name for name, field in told.items() if field.is_required()} <= set(data) <= set(told), type_


def test_another_type_is_no_event() -> None:
    with pytest.raises(ValidationError):
        Event.model_validate({"type": "participant-vanished", "data": {}})
