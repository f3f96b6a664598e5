"""What a body may cost: nothing before it is known who asks, no more than its route needs, one error however many."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from api.schemas import requests
from api.schemas.requests import CandidatesBody, OfferBody, Strict
from callplane.contracts.bounds import BODY_BYTES, SMALL_BODY_BYTES
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

KINDS = [kind for kind in vars(requests).values() if isinstance(kind, type) and issubclass(kind, Strict)]


class Content:
    """A body that knows how much of it was taken."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.taken < self.size:
            piece = min(1024, self.size - self.taken)
            self.taken += piece
            yield b" " * piece


async def sent(it: Api, path: str, size: int, headers: dict[str, str]) -> tuple[str, int]:
    """The code that it is refused with, and how much was taken."""
    content = Content(size)
    headers = {**headers, "Content-Type": "application/json"}
    answer = await it.http.post(path, content=content.__aiter__(), headers=headers)
    return answer.json()["code"], content.taken


async def test_nothing_is_taken_of_a_body_before_it_is_known_who_asks(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        paths = ["/sessions", "/sessions/s/participants", "/sessions/s/signals", "/sessions/s/connections"]
        for path in (*paths, "/media-servers", "/dead-letters/x/redrive", "/sessions/s/connections/c/candidates"):
            for headers in ({}, {"Authorization": "Bearer bad"}):
                code, taken = await sent(it, path, 5000, headers)
                assert (code, taken <= 1024) in {
                    ("unauthorized", True),
                    ("not-found", True),
                    ("method-not-allowed", True),
                }
        text = (await it.http.get("/metrics")).text
        assert 'status="422"' not in text


async def test_a_body_has_the_bound_of_its_route(database: Database) -> None:
    """Not a piece more is taken, said before or not; with one byte less it is read, and is no JSON."""
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        ada = it.token("s", "ada")
        for path, limit, who in (
            ("/sessions", SMALL_BODY_BYTES, BY_KEY),
            ("/sessions/s/participants", SMALL_BODY_BYTES, ada),
            ("/sessions/s/signals", SMALL_BODY_BYTES, ada),
            ("/media-servers", SMALL_BODY_BYTES, BY_KEY),
            ("/sessions/s/connections", BODY_BYTES, ada),
            ("/sessions/s/connections/c/candidates", BODY_BYTES, ada),
        ):
            assert await sent(it, path, limit, who) == ("invalid", limit)
            code, taken = await sent(it, path, 2 * limit, who)
            assert (code, taken <= limit + 1024) == ("too-large", True)
            code, taken = await sent(it, path, 2 * limit, {**who, "Content-Length": str(2 * limit)})
            assert (code, taken <= 1024) == ("too-large", True)
        answer = await it.http.request("DELETE", "/sessions/s", content=b" " * (SMALL_BODY_BYTES + 1), headers=BY_KEY)
        assert answer.json()["code"] == "too-large"
    assert SMALL_BODY_BYTES == 32 * 1024


async def test_one_caller_has_only_so_many_under_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may hold a body of 256 KiB for half a minute; others, and servers, are not kept from theirs."""
    monkeypatch.setattr("api.auth.rate_limits.UNDER_WAY", 3)
    await session_of(database)
    wait, reading = asyncio.Event(), 0

    async def dripping() -> AsyncIterator[bytes]:
        nonlocal reading
        yield b" "
        reading += 1
        await wait.wait()
        yield b" "

    async with api(settings_for(database), ScriptedBus()) as it, asyncio.TaskGroup() as tasks:
        offers, ada, mod = "/sessions/s/connections", it.token("s", "ada"), it.token("s", "mod")
        ones = [tasks.create_task(it.http.post(offers, content=dripping(), headers=ada)) for _ in range(3)]
        async with asyncio.timeout(5):
            while reading < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        refused = await it.http.post(offers, content=b"{}", headers=ada)
        assert (refused.status_code, refused.headers.get("retry-after")) == (429, "1"), refused.text
        assert (await it.http.get("/sessions/s", headers=ada)).status_code == 200
        assert (await it.http.post(offers, content=b"{}", headers=mod)).status_code == 422
        wait.set()
        assert {(await one).status_code for one in ones} == {422}
        assert (await it.http.post(offers, content=b"{}", headers=ada)).status_code == 422
        assert not it.program.services.rate_limits._under_way


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_are_one_error(kind: type[Strict]) -> None:
    """Pydantic would make one of each, with the value beside it."""
    many: dict[str, Any] = {f"f{n}": 1 for n in range(22_000)}
    assert errors(kind, many) == 1
    assert errors(kind, {"x": 1, **many}) == 1
    if kind is not CandidatesBody:
        with pytest.raises(ValidationError):
            kind.model_validate({"x": 1})


def test_what_is_in_lists_is_bounded_too() -> None:
    fields = {f"f{n}": 1 for n in range(100)}
    assert errors(CandidatesBody, [fields] * 128) <= 128
    assert errors(CandidatesBody, [1] * 100_000) <= 129
    assert errors(OfferBody, [1] * 100_000) <= 4


def errors(kind: type[Strict], value: Any) -> int:
    """How many there are."""
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(value)
    return refused.value.error_count()
