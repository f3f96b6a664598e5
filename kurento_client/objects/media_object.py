"""MediaObject: what every object of a media server can do (protocol 9.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kurento_client import decoding
from kurento_client.records import Description, tags


class Caller(Protocol):
    """The part of a client that handles use."""

    async def invoke(
        self, object_id: str, operation: str, params: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        """Run one operation of an object and return its value."""
        ...

    async def create(self, object_type: str, constructor: Mapping[str, Any] | None = None) -> str:
        """Create an object and return its id."""
        ...

    async def subscribe(self, object_id: str, event_type: str) -> str:
        """Ask for one type of events of one object and return the subscription's id."""
        ...

    async def unsubscribe(self, object_id: str, subscription: str) -> None:
        """End a subscription."""
        ...

    async def describe(self, object_id: str) -> Description:
        """Return what an object is, and reference it."""
        ...

    async def release(self, object_id: str) -> None:
        """Destroy an object and its descendants."""
        ...

    def handle(self, object_id: str) -> "MediaObject":
        """Return a handle of the class that the id names."""
        ...


@dataclass(frozen=True)
class MediaObject:
    """A handle: the id of an object and the client to reach it by; cheap, and made without a call.

    Two handles are equal when they name the same object. Every operation raises what `KurentoClient.call`
    raises; ObjectNotFound means that the object is gone: released by anybody, or collected (protocol 12.4).
    """

    client: Caller = field(repr=False, compare=False)
    id: str

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("an object has an id")

    async def describe(self) -> Description:
        """Return type and ancestors; references the object for this session and so keeps it (protocol 3.5)."""
        return await self.client.describe(self.id)

    async def release(self) -> None:
        """Destroy the object and its descendants, for every session; never an error (protocol 3.7)."""
        await self.client.release(self.id)

    async def subscribe(self, event_type: str) -> str:
        """Have events of one type delivered; returns the subscription's id.

        Raises KurentoError 40106 for a type that the object does not have. However often a session
        subscribes, it gets each event once (protocol 3.6).
        """
        return await self.client.subscribe(self.id, event_type)

    async def unsubscribe(self, subscription: str) -> None:
        """End a subscription; unknown ids are fine."""
        await self.client.unsubscribe(self.id, subscription)

    async def get_id(self) -> str:
        """Ask the server for the id: a cheap question whether the object is still there."""
        return decoding.text(await self._invoke("getId"))

    async def get_creation_time(self) -> int:
        """Return when it was created, in seconds since 1970."""
        return decoding.integer(await self._invoke("getCreationTime"))

    async def get_name(self) -> str:
        """Return the name; the id where none was set."""
        return decoding.text(await self._invoke("getName"))

    async def set_name(self, name: str) -> None:
        """Set the name."""
        await self._invoke("setName", name=name)

    async def add_tag(self, key: str, value: str) -> None:
        """Set a tag, overwriting."""
        await self._invoke("addTag", key=key, value=value)

    async def get_tag(self, key: str) -> str:
        """Return a tag; raises TagNotFound (40110)."""
        return decoding.text(await self._invoke("getTag", key=key))

    async def get_tags(self) -> dict[str, str]:
        """Return all tags."""
        return tags(await self._invoke("getTags"))

    async def remove_tag(self, key: str) -> None:
        """Remove a tag; silent when it is not set."""
        await self._invoke("removeTag", key=key)

    async def get_send_tags_in_events(self) -> bool:
        """Return whether events of this object carry its tags."""
        return decoding.flag(await self._invoke("getSendTagsInEvents"))

    async def set_send_tags_in_events(self, send: bool) -> None:
        """Have events of this object carry its tags in `data.tags` (protocol 7)."""
        await self._invoke("setSendTagsInEvents", sendTagsInEvents=send)

    async def get_children_ids(self) -> tuple[str, ...]:
        """Return the ids of the children, ordered by id (protocol 9.1)."""
        return decoding.each(decoding.text, await self._invoke("getChildren"))

    async def get_children(self) -> "tuple[MediaObject, ...]":
        """Return handles of the children, each of the class that its id names."""
        return tuple(self.client.handle(each) for each in await self.get_children_ids())

    async def get_parent_id(self) -> str | None:
        """Return the parent's id; None for a pipeline."""
        return decoding.text_or_none(await self._invoke("getParent"))

    async def get_media_pipeline_id(self) -> str:
        """Return the id of the pipeline it belongs to; a pipeline's own."""
        return decoding.text(await self._invoke("getMediaPipeline"))

    async def _invoke(self, operation: str, **params: Any) -> Any:
        return await self.client.invoke(self.id, operation, params)
