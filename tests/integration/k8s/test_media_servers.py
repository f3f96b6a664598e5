"""Wrappers are told more media servers than run: what the manifests' list relies on."""

import httpx

from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

ABSENT = ",".join(f"kurento-{n}=ws://kurento-{n}.kurento.callplane-media.invalid:8888/kurento" for n in range(6))


async def test_a_wrapper_is_ready_although_no_name_of_a_media_server_resolves(servers: Servers) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=1, media_servers=0), CALLPLANE_KMS_URLS=ABSENT) as c,
        httpx.AsyncClient(timeout=20, headers={"X-API-Key": API_KEY}) as http,
    ):
        assert (await http.get(f"{c.wrappers[0].url}/readyz")).status_code == 200
        known = (await http.get(f"{c.apis[0].url}/media-servers")).json()
        states = {one["name"]: one["state"] for one in known["media_servers"]}
        assert states == {f"kurento-{n}": "down" for n in range(6)}
        assert (await http.post(f"{c.apis[0].url}/sessions", json={})).status_code == 201
