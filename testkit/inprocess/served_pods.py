"""Pods that are served over HTTP in this process, and who reads there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.ids import ParticipantId
from testkit.clients.transports import PollReader, Reader
from testkit.fakes.asgi import SECRET, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.mailboxes import S, Scene, rabbit_scene
from testkit.servers.servers import Servers


@dataclass
class Served:
    """Some pods, a database and a broker, and the door that is used."""

    scene: Scene
    urls: list[str]
    http: httpx.AsyncClient
    door: type[Reader]

    def reader(self, participant: ParticipantId, *urls: str, seed: int = 1) -> Reader:
        """Somebody with the token of a seat; at these pods, else at all."""
        return self.door(self.http, ParticipantTokens([SECRET]).sign(S, participant), urls or self.urls, seed)


@asynccontextmanager
async def served(servers: Servers, door: type[Reader] = PollReader, pods: int = 2) -> AsyncIterator[Served]:
    """So many pods for the block."""
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(rabbit_scene(servers))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, trust_env=False))
        settings = settings_for(servers.database, port=0)
        urls = [
            await stack.enter_async_context(
                serve(settings, buses=Buses(ScriptedBus(), RabbitMailboxes(servers.vhost.url, f"pod {n}")))
            )
            for n in range(pods)
        ]
        yield Served(scene, urls, http, door)
