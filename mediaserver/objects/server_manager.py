"""Server manager: what the process says about itself (protocol 8)."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.model import catalogue
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record
from mediaserver.objects.media_object import Listener, MediaObject

MANAGER_ID = "manager_ServerManager"
VERSION = "7.3.1-callplane"
STARTED = "Nov 21 2026 00:00:00"
FACTORIES: dict[str, list[str]] = {
    "core": ["HubPort", "MediaPipeline", "PassThrough"],
    "elements": [
        "Composite",
        "Dispatcher",
        "DispatcherOneToMany",
        "PlayerEndpoint",
        "RecorderEndpoint",
        "RtpEndpoint",
        "WebRtcEndpoint",
    ],
    "filters": [],
}


class ServerManager(MediaObject):
    """The one object that always exists."""

    spec: ClassVar[ClassSpec] = catalogue.SERVER_MANAGER

    def __init__(self, raise_event: Listener, list_pipelines: Callable[[], list[Any]]) -> None:
        super().__init__(None, raise_event)
        self.id = self.name = MANAGER_ID
        self.list_sessions: Callable[[], list[str]] = list
        self._list_pipelines = list_pipelines

    @property
    def pipeline(self) -> MediaObject | None:
        """It belongs to no pipeline."""
        return None

    @property
    def info(self) -> dict[str, Any]:
        """What it is and which classes it can make."""
        modules = [
            record("ModuleInfo", factories=list(made), generationTime=STARTED, name=name, version=VERSION)
            for name, made in FACTORIES.items()
        ]
        return record("ServerInfo", capabilities=["transactions"], modules=modules, type="KMS", version=VERSION)

    @property
    def pipelines(self) -> list[Any]:
        """All pipelines; without the real server's side effect of keeping them alive (protocol 6.5)."""
        return self._list_pipelines()

    @property
    def sessions(self) -> list[str]:
        """All sessions, after as many empty names: clients have learnt to filter them (protocol 8)."""
        found = self.list_sessions()
        return [""] * len(found) + found

    @property
    def metadata(self) -> str:
        """The configuration's free text, of which there is none."""
        return ""

    def get_kmd(self, module: str) -> str:
        """Refuse: there are no module descriptors."""
        raise refusal(Code.SERVER_MANAGER_ERROR_KMD_NOT_FOUND, f"Requested kmd module '{module}' not found")

    def get_cpu_count(self) -> int:
        """Count the CPUs that the process may use."""
        return len(os.sched_getaffinity(0))

    async def get_used_cpu(self, interval: int) -> float | None:
        """Measure for `interval` ms, blocking the connection: 100 is one core saturated."""
        if interval <= 0:
            return None
        wall, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(interval / 1000)
        return 100 * (time.process_time() - cpu) / (time.monotonic() - wall)

    def get_used_memory(self) -> int:
        """Read the resident set size in KiB."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024
