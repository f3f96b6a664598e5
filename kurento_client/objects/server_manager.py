"""ServerManager: the object that stands for the server itself (protocol 8)."""

from kurento_client import decoding
from kurento_client.objects.media_object import Caller, MediaObject
from kurento_client.objects.media_pipeline import MediaPipeline
from kurento_client.records import ServerInfo

SERVER_MANAGER = "manager_ServerManager"
"""The id that always exists (protocol 6.1)."""


class ServerManager(MediaObject):
    """Counts, lists and watches everything on the server; its events are ObjectCreated and ObjectDestroyed.

    `getUsedCpu` is left out: it blocks its connection for the whole interval (protocol 1.4).
    """

    def __init__(self, client: Caller, object_id: str = SERVER_MANAGER) -> None:
        super().__init__(client, object_id)

    async def get_info(self) -> ServerInfo:
        """Return version, capabilities and modules."""
        return ServerInfo.read(await self._invoke("getInfo"))

    async def get_used_memory(self) -> int:
        """Return the resident memory in KiB."""
        return decoding.integer(await self._invoke("getUsedMemory"))

    async def get_cpu_count(self) -> int:
        """Return how many CPUs the server may use."""
        return decoding.integer(await self._invoke("getCpuCount"))

    async def get_metadata(self) -> str:
        """Return the configuration's `metadata` as JSON text; empty for none."""
        return decoding.text(await self._invoke("getMetadata"))

    async def get_pipelines(self) -> tuple[MediaPipeline, ...]:
        """Return all pipelines. On demand only: polled, it keeps abandoned objects alive for ever (6.5)."""
        found = decoding.each(decoding.text, await self._invoke("getPipelines"))
        return tuple(MediaPipeline(self.client, each) for each in found)

    async def get_sessions(self) -> tuple[str, ...]:
        """Return all sessions, without the empty ones that Kurento puts before them (protocol 8)."""
        found = decoding.each(decoding.text, await self._invoke("getSessions"))
        return tuple(each for each in found if each)
