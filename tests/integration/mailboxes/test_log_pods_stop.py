"""Pods that stop while clients read sessions of the log engine: they go on elsewhere, and miss nothing (log 5, 6)."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from testkit.clients.transports import DOORS
from testkit.fakes.asgi import SECRET, settings_for
from testkit.inprocess.log_publisher import HintingBus, log_engine_scene
from testkit.inprocess.mailboxes import S
from testkit.servers.servers import Servers

MESSAGES = 90


@pytest.mark.parametrize("door", list(DOORS))
async def test_who_reads_on_a_pod_that_stops_goes_on_at_another(servers: Servers, door: str) -> None:
    """Pods come and go while messages do: everything is given once and in order, and the seat stays attached."""
    url = servers.vhost.url
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        scene = await stack.enter_async_context(log_engine_scene(servers))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, trust_env=False))
        settings = settings_for(servers.database, port=0)

        def pod(n: int):
            return serve(
                settings, buses=Buses(HintingBus(RabbitHints(url, f"pod {n}")), RabbitMailboxes(url, f"pod {n}"))
            )

        staying = await stack.enter_async_context(pod(0))
        ann = await scene.seat("ann")
        reader = DOORS[door](http, ParticipantTokens([SECRET]).sign(S, ann), [staying])
        async with pod(1) as leaving:
            reader.urls = [leaving]
            reading = tasks.create_task(reader.read_until(MESSAGES))
            for n in range(MESSAGES // 2):
                await scene.publisher.to_all(str(n))
                await asyncio.sleep(0.01)
            reader.urls = [leaving, staying]
        for n in range(MESSAGES // 2, MESSAGES):
            await scene.publisher.to(ann, str(n))
        assert await reading == [str(n) for n in range(MESSAGES)]
        found = await scene.attachment(ann)
        assert (found.state, len(found.pods)) == ("attached", 1)
