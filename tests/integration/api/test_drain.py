"""SIGTERM: what waits is answered, later requests are told to come again, and the process ends within two seconds."""

import asyncio

import httpx

from testkit.clients.transports import until_parked
from testkit.servers.machine_time import machine_time
from testkit.servers.programs import Size, cluster
from testkit.servers.servers import Servers
from tests.integration.api.test_bad_input import seated


async def test_a_parked_poll_is_answered_and_the_process_ends(servers: Servers) -> None:
    async with cluster(servers, Size(apis=1, wrappers=1, media_servers=0)) as programs:
        [api] = programs.apis
        async with httpx.AsyncClient(base_url=api.url, timeout=30) as http:
            me = await seated(http)
            first = await http.get("/messages", params={"wait": 5}, headers=me.who)
            asked = {"wait": 30, "ack": first.json()["ack"]}
            async with asyncio.TaskGroup() as tasks:
                poll = tasks.create_task(http.get("/messages", params=asked, headers=me.who))
                await until_parked(http)
                async with machine_time() as ran:
                    status = await api.terminate()
                    took = ran()
            assert (poll.result().status_code, poll.result().json()["messages"]) == (200, [])
            # Else its next poll would come here once more, to be refused.
            assert poll.result().headers["connection"] == "close"
            assert "connection" not in first.headers
            assert (status, took < 2) == (0, True), took
