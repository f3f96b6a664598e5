"""Media object: an id, a place in the tree, a name, tags, for every class (protocol 9.1)."""

import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record

Listener = Callable[["MediaObject", str, dict[str, Any]], None]
"""Who is told of every event: the object, the event's type and its own fields."""


class MediaObject:
    """One object of the protocol."""

    spec: ClassVar[ClassSpec] = catalogue.MEDIA_OBJECT

    def __init__(self, parent: "MediaObject | None", raise_event: Listener) -> None:
        own = f"{uuid.uuid4()}_kurento.{self.spec.name}"
        self.id: str = own if parent is None else f"{parent.id}/{own}"
        self.parent = parent
        self.children: dict[str, MediaObject] = {}
        self.creation_time = int(time.time())
        self.name = self.id
        self.send_tags = False
        self.values: dict[str, Any] = {}
        self._tags: dict[str, str] = {}
        self._raise_event = raise_event

    @property
    def pipeline(self) -> "MediaObject | None":
        """The pipeline it belongs to; a pipeline returns itself."""
        top = self
        while top.parent is not None:
            top = top.parent
        return top

    @property
    def ordered_children(self) -> list["MediaObject"]:
        """Its children by id, which is the order of the real server."""
        return [self.children[key] for key in sorted(self.children)]

    def raise_event(self, kind: str, **data: Any) -> None:
        """Tell whoever subscribed to this event of this object."""
        self._raise_event(self, kind, data)

    def dispose(self) -> None:
        """Let go of what it holds; called once, when it has left the object table."""

    def add_tag(self, key: str, value: str) -> None:
        """Set a tag, overwriting an older value."""
        self._tags[key] = value

    def remove_tag(self, key: str) -> None:
        """Take a tag away; silent where it was not set."""
        self._tags.pop(key, None)

    def get_tag(self, key: str) -> str:
        """Return a tag's value, or refuse with 40110."""
        if key not in self._tags:
            raise refusal(Code.MEDIA_OBJECT_TAG_KEY_NOT_FOUND, f"Tag key '{key}' not found")
        return self._tags[key]

    def get_tags(self) -> list[dict[str, Any]]:
        """Return all tags as records."""
        return [record("Tag", key=key, value=self._tags[key]) for key in sorted(self._tags)]

    def event_tags(self) -> list[dict[str, Any]]:
        """Return the tags that go along with events: none unless asked for (protocol 7)."""
        return self.get_tags() if self.send_tags else []
