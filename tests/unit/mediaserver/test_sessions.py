"""References and binding without a server around them."""

from typing import Any

import pytest

from kurento_client.jsonrpc import JsonRpcError
from mediaserver.objects.media_object import MediaObject
from mediaserver.objects.pipeline import MediaPipeline
from mediaserver.objects.server_manager import ServerManager
from mediaserver.objects.table import ObjectTable
from mediaserver.sessions import Sessions


class Line:
    """A connection that keeps what it was sent."""

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        """Keep a frame."""
        self.sent.append(text)


class World:
    """An object table, its sessions and what was told of them."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        manager = ServerManager(self.raised, lambda: self.objects.pipelines())
        self.objects = ObjectTable(manager)
        self.sessions = Sessions(self.objects)

    def raised(self, source: MediaObject, kind: str, data: dict[str, Any]) -> None:
        """Note an event."""
        self.told.append((kind, data))

    def make(self, session: str, parent: MediaObject | None = None) -> MediaPipeline:
        """Make an object for a session; any class will do for counting references."""
        made = MediaPipeline(parent, self.raised)
        self.objects.add(made)
        self.sessions.created(session, made)
        return made


def test_an_object_dies_with_its_last_reference_children_first() -> None:
    world = World()
    parent = world.make("a")
    child = world.make("a", parent)
    world.sessions.reference("b", child)
    world.sessions.close("a")
    assert world.objects.find(child.id) is child
    world.sessions.close("b")
    assert world.objects.pipelines() == []
    gone = [data["objectId"] for kind, data in world.told if kind == "ObjectDestroyed"]
    assert gone == [child.id, parent.id]


def test_a_new_child_is_held_by_all_who_hold_its_parent() -> None:
    world = World()
    parent = world.make("a")
    before = world.make("a", parent)
    world.sessions.reference("b", parent)
    after = world.make("a", parent)
    world.sessions.close("a")
    assert world.objects.find(before.id) is None
    assert world.objects.find(after.id) is after


def test_two_sweeps_without_a_mark_end_a_session() -> None:
    world = World()
    world.make("a")
    world.sessions.collect()
    assert world.sessions.known() == ["a"]
    world.sessions.collect()
    assert world.sessions.known() == []
    with pytest.raises(JsonRpcError) as refused:
        world.sessions.require("a")
    assert refused.value.code == 40007


def test_an_open_connection_marks_its_session() -> None:
    world = World()
    world.make("a")
    line = Line()
    world.sessions.bind("a", line)
    for _ in range(5):
        world.sessions.keep_alive()
        world.sessions.collect()
    assert world.sessions.known() == ["a"]
    world.sessions.unbind(line)
    world.sessions.collect()
    world.sessions.collect()
    assert world.sessions.known() == []


def test_the_last_use_wins_on_both_sides() -> None:
    world = World()
    first, second = Line(), Line()
    world.sessions.bind("a", first)
    world.sessions.bind("a", second)
    assert (first.session_id, second.session_id) == (None, "a")
    assert world.sessions.sink("a") is second
    world.sessions.bind("b", second)
    assert world.sessions.sink("a") is None
    world.sessions.unbind(first)
    assert world.sessions.sink("b") is second


def test_release_is_for_every_session() -> None:
    world = World()
    made = world.make("a")
    world.sessions.reference("b", made)
    world.sessions.release(made)
    world.sessions.close("a", release=True)
    world.sessions.close("b", release=True)
    assert [kind for kind, _ in world.told] == ["ObjectCreated", "ObjectDestroyed"]


def test_a_session_is_closed_with_all_that_it_references() -> None:
    world = World()
    pipelines = [world.make("a"), world.make("a")]
    world.make("a", pipelines[0])
    world.sessions.reference("b", pipelines[1])
    world.sessions.close("a", release=True)
    assert world.objects.pipelines() == []
    assert world.sessions.known() == ["b"]
    assert [kind for kind, _ in world.told].count("ObjectDestroyed") == 3
