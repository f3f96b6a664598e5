"""The law of delivery (design 8.6) over HTTP: three signals, two people, pods that take turns and die in between."""

from typing import Any

import httpx

from testkit.clients.participant import Pods, pods
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

KEY = {"X-API-Key": API_KEY}


class Reader:
    """Polls one mailbox on the next pod each time, and acknowledges by the next poll."""

    def __init__(self, ask: Pods, joined: dict[str, Any]) -> None:
        self.id = joined["participant"]["id"]
        self.got: list[str] = []
        self._ask = ask
        self._auth = {"Authorization": f"Bearer {joined['token']}"}
        self._ack: str | None = None

    def move(self, ask: Pods) -> None:
        """From now on ask these pods."""
        self._ask = ask

    async def read(self, wait: int = 2) -> list[str]:
        """One poll that was answered; the signals in it. A pod that is gone, or is taking over, is asked no more."""
        for _ in range(40):
            params: dict[str, Any] = {"wait": wait} | ({"ack": self._ack} if self._ack else {})
            try:
                answer = await self._ask("GET", "/messages", headers=self._auth, params=params)
            except httpx.TransportError:
                continue
            if answer.status_code == 200:
                break
            assert answer.status_code == 503, answer.text
        batch = answer.json()
        self._ack = batch["ack"] or self._ack
        signals = [m["data"]["data"] for m in batch["messages"] if m["type"] == "signal"]
        self.got += signals
        return signals

    async def until(self, count: int) -> None:
        """Read until so many signals have come, then until nothing more does."""
        for _ in range(20):
            if len(self.got) >= count:
                break
            await self.read()
        await self.read(wait=0)
        assert await self.read(wait=1) == [], "what was acknowledged is not given again"


async def test_each_signal_is_read_once_whichever_pods_are_asked(servers: Servers) -> None:
    async with cluster(servers, Size(apis=2, wrappers=1, media_servers=0)) as c, pods(a.url for a in c.apis) as ask:
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        one, two = [await _joined(ask, session) for _ in range(2)]
        await _signal(ask, session, "1")
        await _signal(ask, session, "2", to=one.id)
        await _signal(ask, session, "3", to=two.id)
        for reader in (one, two):
            await reader.until(2)
        assert (one.got, two.got) == (["1", "2"], ["1", "3"])


async def test_pods_that_die_in_between_change_nothing(servers: Servers) -> None:
    async with cluster(servers, Size(apis=2, wrappers=1, media_servers=0)) as c, pods(a.url for a in c.apis) as ask:
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        one, two = [await _joined(ask, session) for _ in range(2)]
        await one.read()
        await two.read()
        await _signal(ask, session, "1")
        await _signal(ask, session, "2", to=one.id)
        first = await one.read()
        await c.apis[0].kill()  # the answer was read, and never acknowledged: it may be given again
        async with pods([c.apis[1].url]) as rest:
            one.move(rest)
            two.move(rest)
            await _signal(rest, session, "3", to=two.id)
            await one.until(2)
            await two.until(2)
        assert first in (["1", "2"], ["1"])
        # Each signal has an id; a client drops what it has seen. Here it is enough that nothing is lost or overtakes.
        assert (list(dict.fromkeys(one.got)), list(dict.fromkeys(two.got))) == (["1", "2"], ["1", "3"])


async def _joined(ask: Pods, session: str) -> Reader:
    answer = await ask("POST", f"/sessions/{session}/participants", headers=KEY, json={})
    assert answer.status_code == 201, answer.text
    return Reader(ask, answer.json())


async def _signal(ask: Pods, session: str, text: str, **to: str) -> None:
    body = {"type": "law", "data": text, **to}
    answer = await ask("POST", f"/sessions/{session}/signals", headers=KEY, json=body)
    assert answer.status_code == 202, answer.text
