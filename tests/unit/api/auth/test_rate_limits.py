"""Bounds on how often one caller may ask: bursts, refill, one caller beside another, and how much is remembered."""

import pytest

from api.auth import rate_limits
from api.auth.credentials import Anonymous, Credential, KeyHolder
from api.auth.rate_limits import RateLimits, kind_of, network_of
from api.auth.token_bucket import Bucket, Rate
from api.auth.tokens import AccessToken, SeatToken
from api.settings import Settings
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.fakes.asgi import BY_KEY, SECRET, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

ADA = SeatToken(SessionId("s"), ParticipantId("ada"))
BOB = SeatToken(SessionId("s"), ParticipantId("bob"))
ROUTE = "/sessions/{session_id}"


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def settings(**rates: float) -> Settings:
    return Settings(token_secrets=(SECRET,), **rates)


def allowed(of: RateLimits, credential: Credential, route: str = ROUTE, address: str = "192.0.2.1") -> int:
    """How many requests are allowed at once."""
    for n in range(10_001):
        try:
            of.consume(credential, route, address)
        except Refusal as refusal:
            assert refusal.problem.code == "too-many-requests"
            assert refusal.problem.retry_after is not None
            return n
    return -1


def test_a_bucket_is_full_at_first_and_fills_again() -> None:
    """A second refills a second's worth; however long it rests, it holds no more than a burst."""
    bucket, rate = Bucket(), Rate(2, 6)
    assert [bucket.take(rate, 100) for _ in range(6)] == [0] * 6
    assert bucket.take(rate, 100) == pytest.approx(0.5)
    assert bucket.take(rate, 100.4) == pytest.approx(0.1)
    assert [bucket.take(rate, 101.0), bucket.take(rate, 101.0)] == [0, 0]
    assert bucket.take(rate, 101.0) > 0
    assert [bucket.take(rate, 999) for _ in range(7)][-2:] == [0, pytest.approx(0.5)]


def test_a_burst_and_then_as_fast_as_the_rate() -> None:
    clock = Clock()
    of = RateLimits(settings(rate_requests=5), clock)
    assert allowed(of, ADA) == 50
    clock.now += 1
    assert allowed(of, ADA) == 5
    clock.now += 3600
    assert allowed(of, ADA) == 50


def test_slow_rates_say_how_long_to_wait() -> None:
    clock = Clock()
    of = RateLimits(settings(rate_requests=0.125), clock)
    assert allowed(of, ADA) == 1
    with pytest.raises(Refusal) as refused:
        of.consume(ADA, ROUTE, "")
    clock.now += refused.value.problem.retry_after or 0
    of.consume(ADA, ROUTE, "")


def test_one_caller_starves_no_other_and_no_other_kind() -> None:
    """Candidates, signals and polls are counted apart: a flood of them must not stop a leave."""
    of = RateLimits(settings(rate_requests=1, rate_candidates=2, rate_signals=3, rate_polls=4, rate_keys=5), Clock())
    access = AccessToken("key", "ada", None, "publisher", "key")
    for caller in (ADA, BOB, access):
        assert allowed(of, caller) == 10
        assert allowed(of, caller, "/sessions/{session_id}/connections/{connection_id}/candidates") == 20
        assert allowed(of, caller, "/sessions/{session_id}/signals") == 30
        assert allowed(of, caller, "/messages") == 40
        assert allowed(of, caller, "/messages/tickets") == 0
    for server in (KeyHolder("one", "one"), KeyHolder("two", "two"), Anonymous()):
        assert allowed(of, server) == 50
        assert allowed(of, server, "/sessions/{session_id}/signals") == 0
    assert allowed(of, Anonymous(), address="192.0.2.2") == 50


def test_no_rate_is_no_bound() -> None:
    assert allowed(RateLimits(settings(rate_requests=0), Clock()), ADA) == -1


def test_strangers_are_known_by_their_network_and_push_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad credential costs its sender's address; whoever has one IPv6 address has 2^64."""
    monkeypatch.setattr(rate_limits, "CALLERS_KEPT", 100)
    of = RateLimits(settings(rate_requests=1), Clock())
    assert allowed(of, ADA) == 10
    for n in range(1000):
        of.consume_stranger(f"198.51.{n // 256}.{n % 256}")
    assert allowed(of, ADA) == 0
    for n in range(10):
        of.consume_stranger(f"2001:db8::{n}")
    with pytest.raises(Refusal):
        of.consume_stranger("2001:db8::ffff:1")
    of.consume_stranger("2001:db8:0:1::1")
    assert (network_of("192.0.2.1"), network_of("")) == ("192.0.2.1", "")
    assert len(of._strangers) == 100


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was seen last stays."""
    monkeypatch.setattr(rate_limits, "CALLERS_KEPT", 100)
    of = RateLimits(settings(rate_requests=1), Clock())
    assert allowed(of, BOB) == 10
    for n in range(1000):
        of.consume(SeatToken(SessionId("s"), ParticipantId(str(n))), ROUTE, "")
        assert allowed(of, BOB) == 0
    assert len(of._callers) == 100


def test_each_route_has_its_kind() -> None:
    assert {kind_of(route) for route in ("/messages", "/messages/stream", "/messages/tickets")} == {"polls"}
    assert kind_of("/sessions/{session_id}/connections/{connection_id}/candidates") == "candidates"
    assert kind_of("/sessions/{session_id}/signals") == "signals"
    assert kind_of("/sessions/{session_id}/connections") == kind_of("/media-servers") == "requests"


def test_a_signal_costs_what_its_readers_are_given() -> None:
    """By reader and by length; more than a bucket holds costs a full one. Servers are not counted by it."""
    clock = Clock()
    of = RateLimits(settings(rate_deliveries=10), clock)
    assert signals(of, ADA, "s", 25, 100) == 4
    assert signals(of, BOB, "s", 25, 2048) == 2
    assert signals(of, SeatToken(SessionId("s"), ParticipantId("cy")), "s", 5000, 0) == 1
    clock.now += 5
    assert signals(of, ADA, "s", 1, 0) == 50
    for server in (KeyHolder("one", "one"), Anonymous()):
        assert signals(of, server, "s", 1000, 8192) == -1


def test_the_senders_of_a_session_are_bounded_together() -> None:
    """Whoever may join may take every seat of it; another session has its own."""
    of = RateLimits(settings(rate_deliveries=10), Clock())
    crowd = [SeatToken(SessionId("s"), ParticipantId(str(n))) for n in range(50)]
    assert sum(signals(of, one, "s", 10, 0) for one in crowd) == 40
    assert signals(of, SeatToken(SessionId("t"), ParticipantId("x")), "t", 10, 0) == 10


def test_a_room_of_fifty_chats_freely() -> None:
    """Each says something every second, for a minute; and one may say ten things a second."""
    clock = Clock()
    of = RateLimits(settings(), clock)
    crowd = [SeatToken(SessionId("s"), ParticipantId(str(n))) for n in range(50)]
    for second in range(60):
        clock.now += 1
        for one in crowd:
            if second % 2 == int(one.participant_id) % 2:
                of.consume_deliveries(one, "s", 50, 300)
    clock.now += 60
    for _ in range(60):
        clock.now += 1
        for _ in range(10):
            of.consume_deliveries(ADA, "s", 50, 300)


def signals(of: RateLimits, credential: Credential, session: str, readers: int, size: int) -> int:
    """How many are allowed at once."""
    for n in range(1001):
        try:
            of.consume_deliveries(credential, session, readers, size)
        except Refusal as refusal:
            assert refusal.problem.code == "too-many-requests"
            return n
    return -1


async def test_strangers_behind_a_trusted_proxy_are_told_apart(database: Database) -> None:
    """One who guesses at credentials takes no 401 from the others; what a client wrote itself is not believed."""
    trusted = settings_for(database, rate_requests=0.2, trusted_proxies="127.0.0.0/8")
    async with api(trusted, ScriptedBus()) as it:
        got = []
        for address in ("192.0.2.1", "192.0.2.1", "198.51.100.9, 192.0.2.1", "192.0.2.2"):
            headers = {"Authorization": "Bearer bad", "X-Forwarded-For": address}
            got.append((await it.http.get("/sessions/s", headers=headers)).status_code)
        assert got == [401, 401, 429, 401]
    async with api(settings_for(database, rate_requests=0.2), ScriptedBus()) as it:
        headers = [{"Authorization": "Bearer bad", "X-Forwarded-For": f"192.0.2.{n}"} for n in range(3)]
        assert [(await it.http.get("/x", headers=one)).status_code for one in headers] == [404, 404, 404]
        got = [(await it.http.get("/sessions/s", headers=one)).status_code for one in headers]
        assert got == [401, 401, 429]


async def test_over_http_it_is_a_problem_with_retry_after(database: Database) -> None:
    """For a participant, for who has no valid token, and for nobody else."""
    await session_of(database)
    async with api(
        settings_for(database, rate_requests=0.2, rate_signals=0.3, rate_deliveries=1.2), ScriptedBus()
    ) as it:
        ada, mod = it.token("s", "ada"), it.token("s", "mod")
        got = [await it.http.get("/sessions/s", headers=ada) for _ in range(3)]
        assert [answer.status_code for answer in got] == [200, 200, 429]
        assert got[2].headers["content-type"] == "application/problem+json"
        problem = got[2].json()
        assert (problem["code"], problem["retryable"], problem["status"]) == ("too-many-requests", True, 429)
        assert 1 <= int(got[2].headers["retry-after"]) <= 5
        wave = {"type": "wave", "data": 1}
        waved = [await it.http.post("/sessions/s/signals", json=wave, headers=ada) for _ in range(4)]
        assert [answer.status_code for answer in waved] == [202, 202, 202, 429]
        assert (await it.http.get("/sessions/s", headers=mod)).status_code == 200
        assert {(await it.http.get("/sessions/s", headers=BY_KEY)).status_code for _ in range(20)} == {200}
        long = {"type": "wave", "data": "x" * 8000}
        assert (await it.http.post("/sessions/s/signals", json=long, headers=mod)).status_code == 202
        refused = await it.http.post("/sessions/s/signals", json=long, headers=mod)
        assert (refused.status_code, int(refused.headers["retry-after"]) > 1) == (429, True)
        bad = {"Authorization": "Bearer bad"}
        assert [(await it.http.get("/sessions/s", headers=bad)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await it.http.get("/messages/stream", params={"ticket": "x"})).status_code == 429
        assert (await it.http.get("/livez")).status_code == 200
