"""An endpoint that is disabled, moved, rotated or removed between two attempts of one lane: the next knows it."""

from collections.abc import Awaitable, Callable

import pytest
from standardwebhooks.webhooks import Webhook

from callplane.contracts.webhooks import WebhookId, new_secret
from callplane.store.webhooks import WebhookSecret
from hooks.app import Program
from hooks.sender import Outcome
from testkit.inprocess.hooks import delivery, endpoint, hooks_program, put
from testkit.servers.servers import Database
from testkit.servers.until import until

Change = Callable[[Program, WebhookId], Awaitable[object]]
OLD, NEW = "http://127.0.0.1:9001/old", "http://127.0.0.1:9001/new"


class Receiver:
    """In place of the sender: while the first attempt is under way the endpoint changes."""

    def __init__(self, change: Callable[[], Awaitable[object]], first: int = 200) -> None:
        self._change = change
        self._first = first
        self.sent: list[tuple[str, str]] = []
        self.headers: list[tuple[bytes, dict[str, str]]] = []

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        self.sent.append((url, headers["webhook-id"]))
        self.headers.append((body, headers))
        if len(self.sent) > 1:
            return Outcome(200)
        await self._change()
        return Outcome(self._first)


async def sent(database: Database, monkeypatch: pytest.MonkeyPatch, change: Change, first: int = 200) -> Receiver:
    """What is sent of three deliveries of one session."""
    monkeypatch.setattr("hooks.lane_runs.LOOK_SECONDS", -1.0)
    async with hooks_program(database) as program:
        to = await endpoint(program, "e", OLD)
        receiver = Receiver(lambda: change(program, to), first)
        monkeypatch.setattr(program.runs, "_sender", receiver)
        await put(program, [delivery(to, "a", version) for version in (1, 2, 3)])

        async def over() -> bool:
            return bool(receiver.sent) and not await database.documents("webhook_lanes")

        await until(over, 20)
    return receiver


async def test_disabled_it_is_sent_nothing_more_and_keeps_what_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def disable(program: Program, to: WebhookId) -> None:
        await program.stores.webhooks.change(to, "tests", {"state": "disabled"})

    assert (await sent(database, monkeypatch, disable)).sent == [(OLD, "a-1")]
    states = [one["state"] for one in await database.documents("webhook_deliveries")]
    assert sorted(states) == ["delivered", "pending", "pending"]


async def test_removed_it_is_sent_nothing_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def remove(program: Program, to: WebhookId) -> None:
        await program.stores.webhooks.remove(to, "tests")

    assert (await sent(database, monkeypatch, remove)).sent == [(OLD, "a-1")]
    assert await database.documents("webhook_deliveries") == []


async def test_moved_and_rotated_it_is_sent_the_rest_where_it_is_signed_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = WebhookSecret(id="second", value=new_secret())

    async def move(program: Program, to: WebhookId) -> None:
        await program.stores.webhooks.change(to, "tests", {"url": NEW})
        await program.stores.webhooks.rotate(to, "tests", secret, 0)

    receiver = await sent(database, monkeypatch, move)
    assert receiver.sent == [(OLD, "a-1"), (NEW, "a-2"), (NEW, "a-3")]
    for body, headers in receiver.headers[1:]:
        Webhook(secret.value).verify(body, headers)


async def test_a_410_of_the_url_of_before_disables_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def move(program: Program, to: WebhookId) -> None:
        await program.stores.webhooks.change(to, "tests", {"url": NEW})

    receiver = await sent(database, monkeypatch, move, first=410)
    assert receiver.sent == [(OLD, "a-1"), (NEW, "a-1"), (NEW, "a-2"), (NEW, "a-3")]
    assert [one["state"] for one in await database.documents("webhooks")] == ["active"]
