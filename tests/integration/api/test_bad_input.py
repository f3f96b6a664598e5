"""Bad requests on real servers: each gets its problem body, and none leaves anything behind or anything in a log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from testkit.crashes.leak_check import look
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

KEY = {"X-API-Key": API_KEY}
JSON = {"Content-Type": "application/json"}
MEGABYTE = b'{"name": "' + b"x" * 1_000_000 + b'"}'


@dataclass(frozen=True)
class Bad:
    """One request, and what it has to get; ``who`` is a credential's headers."""

    method: str
    path: str
    who: dict[str, str]
    status: int
    code: str
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seat:
    """Somebody who sits in a session."""

    session: str
    participant: str
    token: str

    @property
    def who(self) -> dict[str, str]:
        """Headers with the seat's token."""
        return {"Authorization": f"Bearer {self.token}"}


async def seated(http: httpx.AsyncClient) -> Seat:
    made = await http.post("/sessions", json={}, headers=KEY)
    session = made.json()["id"]
    joined = await http.post(f"/sessions/{session}/participants", json={}, headers=KEY)
    assert joined.status_code == 201, joined.text
    return Seat(session, joined.json()["participant"]["id"], joined.json()["token"])


def tokens(me: Seat, other: Seat) -> Iterator[Bad]:
    """Credentials that are none, or are for something else."""
    session = f"/sessions/{me.session}"
    forged = jwt.encode({"sub": me.participant, "session": me.session}, "f" * 40, "HS256", {"typ": "participant+jwt"})
    unsigned = jwt.encode({"sub": me.participant, "session": me.session}, None, "none", {"typ": "participant+jwt"})
    for bearer in ("garbage", "a.b.c", forged, unsigned, me.token[:-4], me.token + "x"):
        yield Bad("GET", session, {"Authorization": f"Bearer {bearer}"}, 401, "unauthorized")
    yield Bad("GET", session, {}, 401, "unauthorized")
    yield Bad("GET", session, {"X-API-Key": "wrong"}, 401, "unauthorized")
    yield Bad("GET", "/messages", {"Authorization": "Bearer garbage"}, 401, "unauthorized")
    yield Bad("GET", "/messages", KEY, 403, "forbidden")
    offer = {"kind": "publish", "sdp_offer": OFFER}
    for path in ("/connections", "/connections/abc/candidates", "/signals"):
        body = {"/connections": offer, "/signals": {"type": "x"}}.get(path, [])
        yield Bad("POST", session + path, other.who, 403, "forbidden", body)
    yield Bad("POST", session + "/connections", KEY, 403, "forbidden", offer)
    yield Bad("DELETE", f"{session}/participants/{me.participant}", other.who, 403, "forbidden")
    yield Bad("DELETE", session, me.who, 403, "forbidden")
    yield Bad("PATCH", session, me.who, 403, "forbidden", {"grace": 1})
    yield Bad("PATCH", f"{session}/participants/{me.participant}", me.who, 403, "forbidden", {"role": "moderator"})


def bodies(me: Seat) -> Iterator[Bad]:
    """Bodies that cannot be read, or say what they may not."""
    session = f"/sessions/{me.session}"
    seat, join, offers = f"{session}/participants/{me.participant}", f"{session}/participants", f"{session}/connections"
    for body in (b"{", b"\xff", b"[" * 30_000, b"9" * 30_000, b'{"name": NaN}', b'"text"'):
        yield Bad("POST", "/sessions", KEY, 422, "invalid", body)
        yield Bad("POST", join, KEY, 422, "invalid", body)
    yield Bad("POST", "/sessions", KEY, 422, "invalid", {"max_participant": 4})
    yield Bad("POST", join, KEY, 422, "invalid", {"name": "x" * 129})
    yield Bad("POST", join, KEY, 422, "invalid", b'{"name": "\\ud800"}')
    yield Bad("POST", join, KEY, 422, "invalid", {"metadata": {"a": "x" * 9000}})
    yield Bad("POST", join, KEY, 422, "invalid", b'{"metadata": {"a": 1e999}}')
    yield Bad("POST", join, KEY, 422, "invalid", {}, {"Idempotency-Key": "short"})
    yield Bad("PATCH", seat, me.who, 422, "invalid", {"muted": {"audio": "yes"}})
    yield Bad("PATCH", seat, me.who, 400, "bad-request", {"name": "x"}, {"If-Match": "seven"})
    yield Bad("PATCH", seat, me.who, 412, "stale-version", {"name": "x"}, {"If-Match": '"999"'})
    for sdp in ("", "no sdp", "v=0\r\n", "v=0\r\nm=audio\r\n" + "a=x\r\n" * 20_000):
        yield Bad("POST", offers, me.who, 422, "invalid-sdp", {"kind": "publish", "sdp_offer": sdp})
    yield Bad("POST", offers, me.who, 422, "invalid", {"kind": "publish", "sdp_offer": OFFER, "sdp": OFFER})
    yield Bad("POST", offers, me.who, 422, "invalid", {"kind": "subscribe", "sdp_offer": OFFER})
    yield Bad("POST", f"{offers}/abc/candidates", me.who, 422, "invalid", [{"candidate": "x" * 2000}])
    yield Bad("POST", f"{session}/signals", me.who, 422, "invalid", {"type": "x", "data": "y" * 9000})
    for path in ("/sessions", join, offers, f"{session}/signals"):
        yield Bad("POST", path, me.who, 413, "too-large", MEGABYTE)


def places(me: Seat) -> Iterator[Bad]:
    """What is not there."""
    session = f"/sessions/{me.session}"
    for method, path, body in (
        ("GET", "/sessions/unknown", None),
        ("PATCH", "/sessions/unknown", {"grace": 1}),
        ("DELETE", "/sessions/unknown", None),
        ("POST", "/sessions/unknown/participants", {}),
        ("GET", f"{session}/participants/unknown", None),
        ("PATCH", f"{session}/participants/unknown", {"name": "x"}),
        ("DELETE", f"{session}/participants/unknown", None),
        ("GET", f"{session}/connections/unknown", None),
        ("POST", f"{session}/signals", {"type": "x", "to": "unknown"}),
        ("GET", "/sessions/" + "x" * 65, None),
        ("GET", "/sessions/a%2Fb", None),
        ("GET", "/nothing", None),
    ):
        yield Bad(method, path, KEY, 404, "not-found", b"" if body is None else body)
    yield Bad("PUT", "/sessions", KEY, 405, "method-not-allowed")
    yield Bad("GET", "/sessions?limit=0", KEY, 422, "invalid")
    yield Bad("GET", "/sessions?cursor=!", KEY, 422, "invalid")
    yield Bad("GET", "/messages?wait=61", me.who, 422, "invalid")


async def ask(http: httpx.AsyncClient, bad: Bad) -> list[str]:
    """Send it; what is wrong with the answer."""
    content = bad.body if isinstance(bad.body, bytes) else json.dumps(bad.body).encode()
    headers = {**bad.who, **JSON, **bad.headers}
    answer = await http.request(bad.method, bad.path, content=content, headers=headers)
    what = f"{bad.method} {bad.path} {content[:40]!r}: {answer.status_code} {answer.text[:200]}"
    if answer.headers["content-type"] != "application/problem+json":
        return [f"no problem body: {what}"]
    told = answer.json()
    got = (answer.status_code, told["status"], told["code"], told["request_id"])
    return [] if got == (bad.status, bad.status, bad.code, answer.headers["x-request-id"]) else [what]


STOOD_STILL = frozenset({"the incarnation has lapsed", "wrappers died", "media server lost"})
"""What programs say of a machine that stood still for longer than a lease: no request makes them say it."""


async def settled(servers: Servers) -> bool:
    """Whether nothing is owed: what a request owes, events as well, is done after its answer."""
    found = [one for name in ("sessions", "connections") for one in await servers.database.documents(name)]
    return not any(one.get("outbox") or one.get("chores") for one in found)


def loud(programs: Cluster) -> list[str]:
    """What any program has logged above info, or outside its log."""
    lines = [
        line
        for program in (*programs.apis, *programs.wrappers)
        for line in program.process.output().splitlines()
        if '"ready"' not in line
    ]
    return [line for line in lines if not line.startswith("{") or _is_loud(json.loads(line))]


def _is_loud(line: dict[str, Any]) -> bool:
    return line["level"] not in ("debug", "info") and line.get("event") not in STOOD_STILL


async def test_bad_input_is_refused_and_leaves_nothing(servers: Servers) -> None:
    async with cluster(servers, Size(apis=1, wrappers=1)) as programs:
        media_server = programs.media_servers[0].url
        async with httpx.AsyncClient(base_url=programs.apis[0].url, timeout=15) as http:
            me, other = await seated(http), await seated(http)
            await until(lambda: settled(servers))
            before = await look(servers, media_server)
            wrong = [
                complaint
                for bad in (*tokens(me, other), *bodies(me), *places(me))
                for complaint in await ask(http, bad)
            ]
            assert wrong == []
            await until(lambda: settled(servers))
            assert (await look(servers, media_server)).since(before) == {}
            session = (await http.get(f"/sessions/{me.session}", headers=KEY)).json()
            assert (session["version"], len(session["participants"])) == (2, 1)
        assert loud(programs) == []
