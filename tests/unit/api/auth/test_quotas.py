"""Quotas of tenants and identities: what flows by in a second, what travels with commands, and who sets them."""

from typing import Any

import pytest

from api.auth.credentials import KeyHolder
from api.auth.quota_rates import QuotaRates
from api.auth.quotas import Payer
from api.auth.rate_limits import RateLimits
from api.auth.tokens import AccessToken, SeatToken
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.quotas import Quotas
from callplane.contracts.refusals.requests import quota_exceeded
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_rate_limits import Clock, settings
from tests.unit.api.auth.test_tenants import BY_OPERATOR, BY_OTHER, KEYS, tenants

SHOP, CLUB = KeyHolder("shop", "shop"), KeyHolder("club", "club")
ADA, BOB = (AccessToken("shop", who, None, "publisher", "shop") for who in ("ada", "bob"))
SEAT = SeatToken(SessionId("s"), ParticipantId("ada"))


class Asked:
    """Who asks one thing after the other under some quotas, and what was refused."""

    def __init__(self, **quotas: float) -> None:
        self.clock = Clock()
        self.refused: list[str] = []
        rates = QuotaRates(lambda _tenant: Quotas.model_validate(quotas), self.refused.append, self.clock)
        self.limits = RateLimits(settings(), self.clock, rates)

    def often(self, ask: Any, *args: Any, **more: Any) -> tuple[int, Any]:
        """How often it is let through, and then the problem."""
        for n in range(1001):
            try:
                ask(*args, **more)
            except Refusal as refusal:
                return n, refusal.problem
        return -1, None


def test_a_tenant_has_so_many_requests_whoever_asks() -> None:
    asked = Asked(requests=2)
    assert asked.often(asked.limits.consume, ADA, "/sessions", "")[0] == 20
    count, problem = asked.often(asked.limits.consume, BOB, "/sessions", "")
    assert (count, problem.code, problem.reason, problem.limit) == (0, "quota-exceeded", "requests", 2)
    assert (problem.status, problem.retryable, problem.retry_after) == (429, True, 1)
    assert asked.often(asked.limits.charge, Payer("shop", "shop:eve"))[0] == 0
    assert asked.often(asked.limits.consume, SHOP, "/sessions", "")[0] == 0
    assert asked.often(asked.limits.consume, CLUB, "/sessions", "")[0] == 20
    asked.limits.consume(SEAT, "/sessions", "")  # a seat's tenant is known when its session is read, and pays then
    asked.clock.now += 1
    assert asked.often(asked.limits.consume, SHOP, "/sessions", "")[0] == 2
    assert set(asked.refused) == {"requests"}


def test_an_identity_has_so_many_with_its_tokens_and_its_seats_together() -> None:
    asked = Asked(identity_requests=1)
    assert asked.often(asked.limits.consume, ADA, "/sessions", "")[0] == 10
    count, problem = asked.often(asked.limits.charge, Payer("shop", "shop:ada"))
    assert (count, problem.reason, problem.limit) == (0, "identity_requests", 1)
    assert asked.often(asked.limits.consume, BOB, "/sessions", "")[0] == 10
    assert asked.often(asked.limits.consume, SHOP, "/sessions", "") == (-1, None)


def test_deliveries_are_taken_from_the_tenant_and_from_who_sends() -> None:
    """A server's signals as well; a signal for a thousand readers costs what a full bucket holds."""
    asked, ada = Asked(deliveries=10, identity_deliveries=5), Payer("shop", "shop:ada")
    deliver = asked.limits.consume_deliveries
    assert asked.often(deliver, SEAT, "s", 10, 0, payer=ada)[0] == 5
    count, problem = asked.often(deliver, SHOP, "s", 10, 0, payer=Payer("shop"))
    assert (count, problem.reason) == (4, "deliveries")  # the refused one of Ada's was taken from the tenant before
    assert asked.often(deliver, CLUB, "t", 1000, 0, payer=Payer("club"))[0] == 1
    assert asked.often(deliver, CLUB, "t", 10, 0, payer=Payer(None)) == (-1, None)


def test_who_has_as_many_as_it_may_is_told_which_quota_and_no_time() -> None:
    problem = quota_exceeded("identity_seats", 3).problem
    told = problem.as_problem()
    assert (told["status"], told["reason"], told["limit"], told["retryable"]) == (429, "identity_seats", 3, False)
    assert "This identity may have 3 seats" in told["detail"]


async def test_operators_set_them_and_a_tenant_sees_its_own(database: Database) -> None:
    async with tenants(database) as it:

        async def change(tenant: str, **quotas: Any) -> dict[str, Any]:
            answer = await it.http.patch(f"/tenants/{tenant}", json={"quotas": quotas}, headers=BY_OPERATOR)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        assert (await change("tests", sessions=3, requests=0.5))["own"] == ["requests", "sessions"]
        changed = await change("tests", requests=None, identity_seats=2)
        assert changed["own"] == ["identity_seats", "sessions"]
        assert (changed["quotas"]["sessions"], changed["quotas"]["requests"]) == (3, 0)
        seen = (await it.http.get("/tenants/tests", headers=BY_KEY)).json()
        assert seen == {**changed, "used": {"sessions": 1, "seats": 2}}
        assert (await it.http.get("/tenants/tests", headers=BY_OTHER)).status_code == 404
        for path, method in (("/tenants/tests", "PATCH"), ("/tenants", "GET")):
            body = {"json": {"quotas": {"seats": 1}}} if method == "PATCH" else {}
            assert (await it.http.request(method, path, headers=BY_KEY, **body)).status_code == 404
        listed = (await it.http.get("/tenants", headers=BY_OPERATOR)).json()
        assert [one["tenant"] for one in listed["tenants"]] == ["tests"]
        assert listed["defaults"]["sessions"] == 0
        for wrong in ({"quotas": {}}, {"quotas": {"sessions": -1}}, {"quotas": {"rooms": 1}}, {}):
            assert (await it.http.patch("/tenants/tests", json=wrong, headers=BY_OPERATOR)).status_code == 422


async def nobody_answers(_: Envelope) -> Any:
    """Nothing is waited for: what was sent is what is looked at."""
    raise Unavailable("no broker")


async def test_what_is_counted_travels_with_the_command_and_is_not_said_where_nothing_is(database: Database) -> None:
    """The defaults are the settings', and other pods follow what is set."""
    bus, bounds = ScriptedBus(nobody_answers), {"quota_seats": 7}
    both = {"api_keys": KEYS, "operator_keys": "ops"}
    async with (
        api(settings_for(database, **both), bus) as it,
        api(settings_for(database, **both, **bounds), bus) as one,
    ):
        await it.http.post("/sessions", json={}, headers=BY_KEY)
        await one.http.post("/sessions", json={}, headers=BY_KEY)
        await it.http.patch("/tenants/tests", json={"quotas": {"sessions": 2}}, headers=BY_OPERATOR)
        await one.program.services.quotas.follow()
        for pod in (it, one):
            await pod.http.post("/sessions", json={}, headers=BY_KEY)
        await it.http.post("/sessions", json={}, headers=BY_OTHER)
        said = [sent.caller.quotas and (sent.caller.quotas.sessions, sent.caller.quotas.seats) for sent in bus.commands]
    assert said == [None, (0, 7), (2, 0), (2, 7), None]


async def test_a_seat_pays_for_its_tenant_and_refusals_are_counted(database: Database) -> None:
    async with tenants(database, participants=[{"id": "ada", "identity": "tests:ada"}]) as it:
        await it.http.patch("/tenants/tests", json={"quotas": {"identity_requests": 0.2}}, headers=BY_OPERATOR)
        ada = it.token("s", "ada")
        answers = [await it.http.get("/sessions/s", headers=ada) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        problem = answers[2].json()
        assert (problem["code"], problem["reason"], problem["limit"]) == ("quota-exceeded", "identity_requests", 0.2)
        assert int(answers[2].headers["retry-after"]) > 1
        assert (await it.http.get("/sessions/s", headers=BY_KEY)).status_code == 200
        told = (await it.http.get("/metrics")).text
    assert 'callplane_quota_exceeded_total{quota="identity_requests"} 1.0' in told


@pytest.mark.parametrize("name", Quotas.model_fields)
def test_each_has_a_setting(name: str) -> None:
    assert settings(**{f"quota_{name}": 3}).quotas.of(name) == 3  # type: ignore[arg-type]
