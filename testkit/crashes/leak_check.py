"""Leak check: looks for what lies in RabbitMQ, MongoDB and the media servers, to say that nothing was left."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect

from callplane.bus.names import EVENT_STREAM
from testkit.servers.servers import Servers

_DEADLINE = 10.0


@dataclass(frozen=True)
class Found:
    """One look at everything."""

    queues: dict[str, int]
    exchanges: set[str]
    documents: dict[str, int]
    pipelines: dict[str, list[str]] = field(default_factory=dict)

    def since(self, earlier: "Found") -> dict[str, Any]:
        """What there is now and was not then; empty when nothing was left."""
        more = {
            "queues": sorted(self.queues.keys() - earlier.queues.keys()),
            "messages": sorted(q for q, n in self.queues.items() if n > earlier.queues.get(q, 0)),
            "exchanges": sorted(self.exchanges - earlier.exchanges),
            "documents": sorted(c for c, n in self.documents.items() if n > earlier.documents.get(c, 0)),
            "pipelines": sorted(
                p for url, all_ in self.pipelines.items() for p in all_ if p not in earlier.pipelines.get(url, [])
            ),
        }
        return {what: which for what, which in more.items() if which}


async def look(servers: Servers, *media_servers: str) -> Found:
    """Look at the broker, the database and the media servers at these addresses.

    The leases of sweeps are no session's: the first of a wrapper's life is written when it first sweeps. Events are
    kept on purpose, for as long as a setting says.
    """
    counts = await servers.database.counts()
    return Found(
        queues={name: count for name, count in (await servers.vhost.queues()).items() if name != EVENT_STREAM},
        exchanges=await servers.vhost.exchanges(),
        documents={name: count for name, count in counts.items() if name not in {"duties", "events"}},
        pipelines={url: await pipelines(url) for url in media_servers},
    )


async def pipelines(media_server: str) -> list[str]:
    """The ids of a media server's pipelines (its ``getPipelines``, design 7: only when asked for)."""
    answer = await ask(media_server, "invoke", object="manager_ServerManager", operation="getPipelines")
    value = answer["value"]
    assert isinstance(value, list)
    return value


async def children(media_server: str, pipeline: str) -> list[str]:
    """The ids of what lives in a pipeline."""
    answer = await ask(media_server, "invoke", object=pipeline, operation="getChildren")
    value = answer["value"]
    assert isinstance(value, list)
    return value


async def ask(media_server: str, method: str, **params: Any) -> dict[str, Any]:
    """One request over a socket of its own, as bare JSON: this must not trust the client that is under test."""
    async with asyncio.timeout(_DEADLINE), connect(media_server, max_size=None) as socket:
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        async for frame in socket:
            said = json.loads(frame or "{}")
            if said.get("id") == 1:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                result = said["result"]
                assert isinstance(result, dict)
                return result
    raise AssertionError(f"{media_server} hung up")
