"""Round trips of an API pod: what each request asks of database and broker, beside what its wrapper does."""

from collections.abc import Callable
from operator import gt
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

import api.app
from testkit.fakes.sdp import OFFER
from testkit.inprocess.api_and_wrapper import ApiAndWrapper, api_and_wrapper
from testkit.inprocess.round_trips import RoundTrips, as_part, counted
from testkit.servers.servers import Servers

API = "api"

TABLE: dict[str, tuple[int, int]] = {
    "create": (0, 1),
    "join": (0, 1),
    "publish": (1, 1),
    "subscribe": (1, 1),
    "candidate": (2, 1),
    "mute": (0, 1),
    "leave": (0, 1),
    "close": (0, 1),
}
"""To database and broker (the command's confirm), without an ``Idempotency-Key``, which is one more to the database."""


def _counting(application: Callable[..., ASGIApp]) -> Callable[..., ASGIApp]:
    """The program as it is, whose requests are a part of their own."""

    def made(*args: Any) -> ASGIApp:
        app = application(*args)

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            with as_part(API if scope["type"] == "http" else ""):
                await app(scope, receive, send)

        return counting

    return made


async def test_each_request_costs_so_many_round_trips(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    trips = counted(monkeypatch)
    monkeypatch.setattr(api.app, "application", _counting(api.app.application))
    async with api_and_wrapper(servers, sweep_seconds=20, lease_seconds=60) as both:
        found = await requests(both, trips)
    assert found.keys() == TABLE.keys()
    over = {name: (cost, TABLE[name]) for name, cost in found.items() if any(map(gt, cost, TABLE[name]))}
    assert over == {}


async def requests(both: ApiAndWrapper, trips: RoundTrips) -> dict[str, tuple[int, int]]:
    """One of each, and what it cost."""
    found: dict[str, tuple[int, int]] = {}

    async def ask(call: str, method: str, path: str, token: str = "", **body: Any) -> dict[str, Any]:
        trips.seen.clear()
        me = {"Authorization": f"Bearer {token}", "X-API-Key": ""} if token else {}
        answer = await both.http.request(method, f"/v1/sessions{path}", headers=me, json=body or None)
        assert answer.is_success, answer.text
        found[call] = trips.of(API)[:2]
        print(call, found[call], *(one for one in trips.seen if one[0] == API), sep="\n    ")
        return dict(answer.json()) if answer.content else {}

    await both.call(publishes=True)  # channels are opened, and what is permanent is declared, by whoever is first
    made = await ask("create", "POST", "", metadata={"a": 1})
    session = f"/{made['id']}"
    ann = await ask("join", "POST", f"{session}/participants", name="Ann")
    bo = await ask("join", "POST", f"{session}/participants", name="Bo")
    a, b = ann["participant"]["id"], bo["participant"]["id"]
    offer = {"kind": "publish", "sdp_offer": OFFER}
    await ask("publish", "POST", f"{session}/connections", ann["token"], **offer)
    offer = {"kind": "subscribe", "publisher": a, "sdp_offer": OFFER}
    viewer = await ask("subscribe", "POST", f"{session}/connections", bo["token"], **offer)
    given = [{"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}]
    path = f"{session}/connections/{viewer['id']}/candidates"
    await ask("candidate", "POST", path, bo["token"], candidates=given)
    await ask("mute", "PATCH", f"{session}/participants/{a}", muted={"audio": True})
    await ask("leave", "DELETE", f"{session}/participants/{b}", bo["token"])
    await ask("close", "DELETE", session)
    return found
