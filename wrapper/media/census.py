"""Census: counts what lives on one media server, by ObjectCreated and ObjectDestroyed (design 7).

``getPipelines`` is asked once, when the counting begins: polling it keeps abandoned objects alive for ever (protocol
6.5).
"""

import asyncio
from dataclasses import dataclass

from kurento_client import KurentoClient, MediaPipeline, ObjectNotFound
from kurento_client.events import MediaEvent, ObjectCreated, ObjectDestroyed


@dataclass(slots=True)
class CensusEntry:
    """One object: when it was first seen (the loop's time), and its tags once they have been read."""

    since: float
    tags: dict[str, str] | None = None


class Census:
    """Counts the objects of one media server under one client's Kurento session."""

    def __init__(self, client: KurentoClient) -> None:
        self._client = client
        self._objects: dict[str, CensusEntry] = {}
        """Every object that is known to live there, by its id."""
        self._counting: str | None = None
        """The Kurento session under which it counts; None while it does not."""

    async def begin(self) -> None:
        """Subscribe, then list, unless that was done under the present Kurento session. Raises ClientError."""
        if self._counting == self._client.session_id:
            return
        manager = self._client.server_manager()
        for event in ("ObjectCreated", "ObjectDestroyed"):
            await manager.subscribe(event)
        self._objects.clear()
        for pipeline in await manager.get_pipelines():
            self._add(pipeline.id)
            for child in await self._children(pipeline):
                self._add(child)
        self._counting = self._client.session_id

    @property
    def pipelines(self) -> int:
        """How many media pipelines there are; what is in one has an id that begins with the pipeline's and a slash."""
        return sum("/" not in id_ and id_.endswith("MediaPipeline") for id_ in self._objects)

    def end(self) -> None:
        """Somebody else counts from now on."""
        self._counting = None
        self._objects.clear()

    def take(self, event: MediaEvent) -> None:
        """Count one event."""
        match event:
            case ObjectCreated():
                self._add(event.created)
            case ObjectDestroyed():
                self._objects.pop(event.destroyed, None)
            case _:
                pass

    async def older_than(self, seconds: float, deployment: str) -> dict[str, dict[str, str]]:
        """Object → tags, of what carries the deployment's tag and has been there for so long. Raises ClientError."""
        before = asyncio.get_running_loop().time() - seconds
        old = [(id_, counted) for id_, counted in self._objects.items() if counted.since <= before]
        for id_, counted in old:
            if counted.tags is None:
                counted.tags = await self._tags(id_, deployment)
        return {id_: counted.tags for id_, counted in old if counted.tags and id_ in self._objects}

    async def _tags(self, id_: str, deployment: str) -> dict[str, str]:
        """The tags of what is ours; of others nothing, and no reference: asking for tags makes one (protocol 6.3)."""
        try:
            tags = await self._client.handle(id_).get_tags()
        except ObjectNotFound:
            self._objects.pop(id_, None)
            return {}
        if tags.get("deployment") == deployment:
            return tags
        await self._client.unref(id_)
        return {}

    async def release(self, id_: str) -> None:
        """Destroy one object with all in it; one that is gone is no error. Raises ClientError."""
        await self._client.release(id_)

    async def _children(self, pipeline: MediaPipeline) -> tuple[str, ...]:
        try:
            return await pipeline.get_children_ids()
        except ObjectNotFound:
            return ()

    def _add(self, id_: str) -> None:
        if id_ not in self._objects:
            self._objects[id_] = CensusEntry(asyncio.get_running_loop().time())
