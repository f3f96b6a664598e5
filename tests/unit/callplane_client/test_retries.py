"""Retries of the client: what is asked again, under which key, after how long, and what is not."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from callplane_client import AsyncCallplane, AsyncWay, Callplane, Refused, Retries, Unreachable, Way
from callplane_client.errors import seconds

SESSION = {
    **{"id": "s", "version": 1, "epoch": 1, "max_participants": 9, "empty_timeout": 1, "departure_timeout": 1},
    **{"grace": 1, "created_at": "2026-01-05T09:00:00Z"},
}
AT_ONCE = Retries(patience=5, base=0, cap=0)
AWAY = {"code": "unavailable", "status": 503, "detail": "Not now.", "retryable": True, "request_id": "r"}

Answer = httpx.Response | Exception


def scripted(*answers: Answer) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A server that answers so, one after the other, and what it was asked."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = answers[len(asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle), asked


def problem(status: int, code: str, **more: object) -> httpx.Response:
    """A refusal of the API."""
    retryable = {"retryable": True} if status in (429, 503) else {}
    return httpx.Response(status, json={"code": code, "status": status, "title": code, **retryable, **more})


async def created(*answers: Answer, retries: Retries = AT_ONCE) -> list[httpx.Request]:
    """What was asked until a session was made."""
    transport, asked = scripted(*answers)
    async with AsyncCallplane("http://calls.test", api_key="k", way=AsyncWay(retries, transport)) as callplane:
        assert (await callplane.sessions.create(custom_id="daily")).id == "s"
    return asked


@pytest.mark.parametrize(
    "trouble",
    [
        problem(503, "unavailable"),
        problem(429, "too-many-requests"),
        httpx.Response(502, text="<html>"),
        httpx.Response(504, text=""),
        httpx.Response(200, text="<html>a proxy's page"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=lambda trouble: getattr(trouble, "status_code", type(trouble).__name__),
)
async def test_trouble_that_passes_is_asked_again_under_the_same_key(trouble: Answer) -> None:
    first, second = await created(trouble, httpx.Response(201, json=SESSION))
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.content == second.content == b'{"custom_id": "daily"}'
    assert len(first.headers["idempotency-key"]) == 32


def test_the_blocking_client_does_the_same() -> None:
    transport, asked = scripted(
        httpx.ReadTimeout("late"), problem(503, "unavailable"), httpx.Response(201, json=SESSION)
    )
    with Callplane("http://calls.test", api_key="k", way=Way(AT_ONCE, transport)) as callplane:
        assert callplane.sessions.create(idempotency_key="k" * 16).version == 1
    assert [request.headers["idempotency-key"] for request in asked] == ["k" * 16] * 3


@pytest.mark.parametrize(("status", "code"), [(409, "session-full"), (422, "invalid"), (500, "internal"), (403, "x")])
async def test_what_does_not_pass_is_told_at_once_as_what_it_is(status: int, code: str) -> None:
    said = problem(status, code, detail="No seat is free.", request_id="r-1", reason="why")
    with pytest.raises(Refused) as refused:
        await created(said)
    told = refused.value
    assert (told.status, told.code, told.detail, told.request_id) == (status, code, "No seat is free.", "r-1")
    assert (told.reason, told.retryable) == ("why", False)


async def test_a_refusal_without_a_problem_has_a_code_too() -> None:
    with pytest.raises(Refused) as refused:
        await created(httpx.Response(404, text="<html>"))
    assert (refused.value.code, refused.value.retryable) == ("http-404", False)


@pytest.mark.parametrize(
    ("patience", "answers", "kind"),
    [
        (0, [problem(503, "unavailable")], Refused),
        (0, [httpx.ConnectError("refused")], Unreachable),
        (20, [httpx.Response(503, headers={"Retry-After": "60"}, json=AWAY)], Refused),
        (20, [httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"})], Unreachable),
    ],
)
async def test_patience_ends(patience: float, answers: list[Answer], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await created(*answers, retries=Retries(patience=patience, base=0, cap=0))


def test_what_the_server_asks_for_is_waited_and_some_of_our_own() -> None:
    def pause(attempt: int, rand: Callable[[], float], retry_after: float | None = None) -> float:
        return Retries(rand=rand).pause(Unreachable("", retry_after), attempt)

    assert [pause(n, lambda: 1.0) for n in (0, 1, 2, 9, 1000)] == [0.2, 0.4, 0.8, 5.0, 5.0]
    assert [pause(n, lambda: 0.0) for n in (0, 9)] == [0.05, 1.25]
    assert pause(0, lambda: 1.0, retry_after=3) == pytest.approx(3.2)


async def test_of_several_addresses_one_that_is_not_reached_is_left() -> None:
    transport, asked = scripted(httpx.ConnectError("refused"), *[httpx.Response(200, json=SESSION)] * 2)
    urls = ["http://a.test", "http://b.test"]
    async with AsyncCallplane(urls, way=AsyncWay(AT_ONCE, transport)) as callplane:
        await callplane.sessions.get("s")
        await callplane.sessions.get("s")
    assert [request.url.host for request in asked] == ["a.test", "b.test", "b.test"]


async def test_of_many_that_fail_together_at_one_address_all_go_to_the_next() -> None:
    asked: list[str] = []
    both = asyncio.Barrier(2)

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "a.test":
            await both.wait()
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json=SESSION)

    way = AsyncWay(AT_ONCE, httpx.MockTransport(handle))
    async with AsyncCallplane(["http://a.test", "http://b.test"], way=way) as callplane:
        await asyncio.gather(callplane.sessions.get("s"), callplane.sessions.get("s"))
    assert asked == ["a.test", "a.test", "b.test", "b.test"]


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("soon", None),
        ("\u00b2", None),
        ("9" * 400, 999_999_999.0),
        ("Wed, 21 Oct 2026 07:28:00 +99999999999999999999", None),
        ("Wed, 21 Oct 2026 07:28:00 -0000", None),
    ],
)
def test_what_a_proxy_says_of_when_to_come_back_breaks_nothing(said: str, understood: float | None) -> None:
    assert seconds(said) == understood


async def test_who_asks_is_the_key_else_the_token_of_the_link() -> None:
    transport, asked = scripted(*[httpx.Response(200, json=SESSION)] * 3)
    way = AsyncWay(AT_ONCE, transport)
    link = "http://calls.test/#access_token=open-1"
    await AsyncCallplane(link, way=way).sessions.get("s")
    callplane = AsyncCallplane(link, api_key="secret", way=way)
    await callplane.sessions.get("s")
    await callplane.with_token("mine").sessions.get("s")
    shown = [(one.headers.get("authorization"), one.headers.get("x-api-key")) for one in asked]
    assert shown == [("Bearer open-1", None), (None, "secret"), ("Bearer mine", None)]
    assert {str(one.url) for one in asked} == {"http://calls.test/v1/sessions/s"}


async def test_pages_are_asked_for_as_they_are_wanted() -> None:
    pages = [{"sessions": [SESSION, SESSION], "next": "more"}, {"sessions": [SESSION], "next": None}]
    transport, asked = scripted(*[httpx.Response(200, text=json.dumps(page)) for page in pages])
    async with AsyncCallplane("http://calls.test", way=AsyncWay(AT_ONCE, transport)) as callplane:
        found = []
        async for session in callplane.sessions.list(status=None):
            found.append((session.id, len(asked)))
    assert found == [("s", 1), ("s", 1), ("s", 2)]
    assert [dict(request.url.params) for request in asked] == [{"limit": "200"}, {"cursor": "more", "limit": "200"}]


def test_an_address_of_another_kind_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no http"):
        Callplane("calls.test")
