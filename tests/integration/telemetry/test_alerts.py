"""Faults on real programs, seen by a real Prometheus with our rules: each alert fires, and ends when the fault does."""

import aio_pika
import pytest

from testkit.clients.participant import pods
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.prometheus import Prometheus, prometheus
from testkit.servers.servers import Servers

KEY = {"X-API-Key": API_KEY}
SOON = 45.0


def jobs(c: Cluster) -> dict[str, list[str]]:
    """Whom Prometheus asks."""
    return {"api": [one.url for one in c.apis], "wrapper": [one.url for one in c.wrappers]}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_faults_are_seen_and_their_ends_too(servers: Servers) -> None:
    async with cluster(servers, Size(apis=1, wrappers=2, media_servers=2)) as c, prometheus(jobs(c)) as watching:
        await watching.until_calm(SOON)
        await _a_killed_media_server(c, watching)
        await _a_command_that_nobody_can_read(c, watching)
        await _a_paused_wrapper(c, watching)
        await watching.until_calm(SOON)


async def _a_killed_media_server(c: Cluster, watching: Prometheus) -> None:
    victim = c.media_servers[0]
    name = victim.url.partition("://")[2].partition("/")[0]
    await victim.kill()
    await watching.until_fires("CallplaneMediaServerDown", SOON, server=name, severity="critical")
    await victim.restart()
    await watching.until_quiet("CallplaneMediaServerDown", SOON)


async def _a_command_that_nobody_can_read(c: Cluster, watching: Prometheus) -> None:
    async with await aio_pika.connect(c.servers.vhost.url) as connection, connection.channel() as channel:
        await channel.default_exchange.publish(aio_pika.Message(b"{}", message_id="odd"), "wrapper")
    await watching.until_fires("CallplaneDeadLetters", SOON)
    async with pods(api.url for api in c.apis) as ask:
        assert (await ask("DELETE", "/dead-letters/odd", headers=KEY)).status_code == 204
    await watching.until_quiet("CallplaneDeadLetters", SOON)


async def _a_paused_wrapper(c: Cluster, watching: Prometheus) -> None:
    paused, other = c.wrappers
    paused.pause()
    try:
        instance = paused.url.partition("://")[2]
        await watching.until_fires("CallplaneProgramSilent", SOON, job="wrapper", instance=instance)
        other.pause()
        await watching.until_fires("CallplaneNoWrapper", SOON)
    finally:
        paused.resume()
        other.resume()
