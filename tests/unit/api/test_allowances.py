"""Bounds on how often one caller may ask: bursts, refill, one caller beside another, and how much is remembered."""

import pytest

from api import allowances
from api.allowances import Allowances, kind_of, network_of
from api.auth import Anybody, Credential, KeyHolder
from api.buckets import Bucket, Rate
from api.settings import Settings
from api.tokens import AccessToken, SeatToken
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from tests.support.asgi import BY_KEY, SECRET, api, settings_for
from tests.support.scripted_bus import ScriptedBus
from tests.support.servers import Database
from tests.unit.api.test_permits import session_of

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


def allowed(of: Allowances, credential: Credential, route: str = ROUTE, address: str = "192.0.2.1") -> int:
    """How many requests are allowed at once."""
    for n in range(10_001):
        try:
            of.spend(credential, route, address)
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
    of = Allowances(settings(rate_requests=5), clock)
    assert allowed(of, ADA) == 50
    clock.now += 1
    assert allowed(of, ADA) == 5
    clock.now += 3600
    assert allowed(of, ADA) == 50


def test_slow_rates_say_how_long_to_wait() -> None:
    clock = Clock()
    of = Allowances(settings(rate_requests=0.125), clock)
    assert allowed(of, ADA) == 1
    with pytest.raises(Refusal) as refused:
        of.spend(ADA, ROUTE, "")
    clock.now += refused.value.problem.retry_after or 0
    of.spend(ADA, ROUTE, "")


def test_one_caller_starves_no_other_and_no_other_kind() -> None:
    """Candidates, signals and polls are counted apart: a flood of them must not stop a leave."""
    of = Allowances(settings(rate_requests=1, rate_candidates=2, rate_signals=3, rate_polls=4, rate_keys=5), Clock())
    access = AccessToken("key", "ada", None, "publisher")
    for caller in (ADA, BOB, access):
        assert allowed(of, caller) == 10
        assert allowed(of, caller, "/sessions/{session_id}/connections/{connection_id}/candidates") == 20
        assert allowed(of, caller, "/sessions/{session_id}/signals") == 30
        assert allowed(of, caller, "/messages") == 40
        assert allowed(of, caller, "/messages/tickets") == 0
    for server in (KeyHolder("one"), KeyHolder("two"), Anybody()):
        assert allowed(of, server) == 50
        assert allowed(of, server, "/sessions/{session_id}/signals") == 0
    assert allowed(of, Anybody(), address="192.0.2.2") == 50


def test_no_rate_is_no_bound() -> None:
    assert allowed(Allowances(settings(rate_requests=0), Clock()), ADA) == -1


def test_strangers_are_known_by_their_network_and_push_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad credential costs its sender's address; whoever has one IPv6 address has 2^64."""
    monkeypatch.setattr(allowances, "CALLERS_KEPT", 100)
    of = Allowances(settings(rate_requests=1), Clock())
    assert allowed(of, ADA) == 10
    for n in range(1000):
        of.spend_stranger(f"198.51.{n // 256}.{n % 256}")
    assert allowed(of, ADA) == 0
    for n in range(10):
        of.spend_stranger(f"2001:db8::{n}")
    with pytest.raises(Refusal):
        of.spend_stranger("2001:db8::ffff:1")
    of.spend_stranger("2001:db8:0:1::1")
    assert (network_of("192.0.2.1"), network_of("")) == ("192.0.2.1", "")
    assert len(of._strangers) == 100


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was seen last stays."""
    monkeypatch.setattr(allowances, "CALLERS_KEPT", 100)
    of = Allowances(settings(rate_requests=1), Clock())
    assert allowed(of, BOB) == 10
    for n in range(1000):
        of.spend(SeatToken(SessionId("s"), ParticipantId(str(n))), ROUTE, "")
        assert allowed(of, BOB) == 0
    assert len(of._callers) == 100


def test_each_route_has_its_kind() -> None:
    assert {kind_of(route) for route in ("/messages", "/messages/stream", "/messages/tickets")} == {"polls"}
    assert kind_of("/sessions/{session_id}/connections/{connection_id}/candidates") == "candidates"
    assert kind_of("/sessions/{session_id}/signals") == "signals"
    assert kind_of("/sessions/{session_id}/connections") == kind_of("/media-servers") == "requests"


async def test_over_http_it_is_a_problem_with_retry_after(database: Database) -> None:
    """For a participant, for who has no valid token, and for nobody else."""
    await session_of(database)
    async with api(settings_for(database, rate_requests=0.2, rate_signals=0.3), ScriptedBus()) as it:
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
        bad = {"Authorization": "Bearer bad"}
        assert [(await it.http.get("/sessions/s", headers=bad)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await it.http.get("/messages/stream", params={"ticket": "x"})).status_code == 429
        assert (await it.http.get("/livez")).status_code == 200
