"""Somebody who makes a call, joins, offers and leaves, again and again: all commands cross the update, not only two."""

import asyncio
from typing import Any

from bench.calls import CANDIDATE
from bench.rolling.asking import GaveUp, Patient, Requests, asking
from testkit.clients.calls import KEY
from testkit.fakes.sdp import OFFER
from testkit.servers.until import until

OUTCOME_SECONDS = 20.0


class Visitor:
    """Counts rounds; what fails is among the requests."""

    def __init__(self, url: str, every: float) -> None:
        self._url = url
        self._every = every
        self.requests = Requests()
        self.rounds = 0
        self.added = 0
        """Messages with the field that only N+1 writes."""
        self.talking = asyncio.Event()

    async def run(self) -> None:
        """Go round after round until ``talking`` is cleared."""
        self.talking.set()
        while self.talking.is_set():
            async with asking(self._url, self.requests) as ask:
                try:
                    await self._round(ask)
                except GaveUp:
                    continue
            self.rounds += 1
            await asyncio.sleep(self._every)

    async def _round(self, ask: Patient) -> None:
        session = (await ask("POST", "/v1/sessions", headers=KEY, json={})).json()["id"]
        joined = (await ask("POST", f"/v1/sessions/{session}/participants", headers=KEY, json={})).json()
        me = {"Authorization": f"Bearer {joined['token']}"}
        connections = f"/v1/sessions/{session}/connections"
        offer = {"kind": "publish", "sdp_offer": OFFER}
        made = (await ask("POST", connections, headers=me, json=offer)).json()
        path = f"{connections}/{made['id']}"
        await ask("POST", f"{path}/candidates", headers=me, json={"candidates": [CANDIDATE]})
        await self._outcome(ask, path, me)
        await ask("PATCH", f"/v1/sessions/{session}", headers=KEY, json={"metadata": {"round": self.rounds}})
        messages = (await ask("GET", "/v1/messages", headers=me, params={"wait": 0})).json()["messages"]
        self.added += sum("added" in message for message in messages)
        await ask("DELETE", path, headers=me)
        await ask("DELETE", f"/v1/sessions/{session}/participants/{joined['participant']['id']}", headers=me)
        await ask("DELETE", f"/v1/sessions/{session}", headers=KEY)

    async def _outcome(self, ask: Patient, path: str, me: dict[str, str]) -> None:
        """An offer that was answered with 202 has its answer soon."""
        try:
            await until(lambda: _ready(ask, path, me), OUTCOME_SECONDS)
        except TimeoutError:
            self.requests.failed.append(f"{path}: no outcome of an accepted offer")

    def account(self) -> dict[str, Any]:
        """What the checker wants to know, as it is written down."""
        return {"rounds": self.rounds, "added": self.added, "requests": self.requests.shown()}


async def _ready(ask: Patient, path: str, me: dict[str, str]) -> bool:
    return bool((await ask("GET", path, headers=me)).json()["state"] == "ready")
