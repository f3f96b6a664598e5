"""API and wrapper in the test's own process on real servers, as `callplane up` runs them, spoken to over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from api.app import serve
from api.dispatch.buses import rabbitmq
from testkit.fakes.asgi import BY_KEY, settings_for
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.wrappers import offer, until_up
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers
from wrapper.app import Program, assemble
from wrapper.settings import WrapperSettings


@dataclass
class ApiAndWrapper:
    """The two programs, what they write to, and a client with the API key."""

    servers: Servers
    store: Repositories
    wrapper: Program
    machines: Cluster
    http: httpx.AsyncClient

    async def call(self, publishes: bool = False, **metadata: Any) -> str:
        """A call from its beginning to its end, by HTTP alone; the session's id. AssertionError: something failed."""
        made = await self.http.post("/v1/sessions", json={"metadata": metadata})
        assert made.status_code == 201, made.text
        session = f"/v1/sessions/{made.json()['id']}"
        joined = await self.http.post(f"{session}/participants", json={"metadata": metadata})
        assert joined.status_code == 201, joined.text
        me = {"Authorization": f"Bearer {joined.json()['token']}", "X-API-Key": ""}
        if publishes:
            body = {"kind": "publish", "sdp_offer": await offer("sendonly")}
            offered = await self.http.post(f"{session}/connections", json=body, headers=me)
            assert offered.status_code == 201, offered.text
        heard = await self.http.get("/v1/messages", params={"wait": 5}, headers=me)
        assert heard.status_code == 200, heard.text
        assert heard.json()["messages"]
        closed = await self.http.delete(session)
        assert closed.status_code == 204, closed.text
        return str(made.json()["id"])

    async def works(self, within: float = 20.0) -> None:
        """Wait until a whole call succeeds."""
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.call(publishes=True)
                except (AssertionError, httpx.HTTPError) as failure:
                    print("not yet:", repr(failure)[:300])
                    await asyncio.sleep(0.1)
                else:
                    return


@asynccontextmanager
async def api_and_wrapper(servers: Servers, **settings: Any) -> AsyncIterator[ApiAndWrapper]:
    """Both for the block; ``settings`` are the wrapper's, that of where messages are the API's as well."""
    where: dict[str, Any] = {"mongo_url": servers.database.url, "mongo_database": servers.database.name}
    async with (
        cluster(servers, Size(apis=0, wrappers=0, media_servers=1)) as machines,
        repositories(servers.database) as store,
        rabbitmq(servers.vhost.url) as buses,
    ):
        urls = ",".join(one.url for one in machines.media_servers)
        of_wrapper = WrapperSettings(amqp_url=servers.vhost.url, kms_urls=urls, **where, **settings)
        both = {name: settings[name] for name in ("messages_url",) if name in settings}
        of_api = settings_for(servers.database, port=0, host="127.0.0.1", **both)
        async with (
            assemble(of_wrapper, bus=buses.bus) as program,
            serve(of_api, buses=buses) as url,
            httpx.AsyncClient(base_url=url, headers=BY_KEY, timeout=10, trust_env=False) as http,
        ):
            await until_up(store, 1)
            yield ApiAndWrapper(servers, store, program, machines, http)
