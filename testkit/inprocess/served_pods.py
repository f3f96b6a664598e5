"""Pods that are served over HTTP in this process, and who reads there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.engines import Engine
from callplane.contracts.ids import ParticipantId
from testkit.clients.transports import PollReader, Reader
from testkit.fakes.asgi import SECRET, settings_for
from testkit.inprocess.log_publisher import HintingBus, log_engine_scene
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
async def served(
    servers: Servers, door: type[Reader] = PollReader, pods: int = 2, engine: Engine = "queues"
) -> AsyncIterator[Served]:
    """So many pods for the block, and a session of that engine."""
    async with AsyncExitStack() as stack:
        scenes = rabbit_scene if engine == "queues" else log_engine_scene
        scene = await stack.enter_async_context(scenes(servers))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, trust_env=False))
        settings = settings_for(servers.database, port=0)
        hints = [RabbitHints(servers.vhost.url, f"pod {n}") for n in range(pods)]
        urls = [
            await stack.enter_async_context(
                serve(settings, buses=Buses(HintingBus(hints[n]), RabbitMailboxes(servers.vhost.url, f"pod {n}")))
            )
            for n in range(pods)
        ]
        yield Served(scene, urls, http, door)
