"""Chat and volatile signals over HTTP on the log engine, between programs that are real."""

import asyncio
from typing import Any

import httpx

from testkit.inprocess.api_and_wrapper import ApiAndWrapper, api_and_wrapper
from testkit.servers.servers import Servers
from testkit.servers.until import until


class Person:
    """A participant that polls."""

    def __init__(self, http: httpx.AsyncClient, session: str, joined: dict[str, Any]) -> None:
        self.http = http
        self.session = session
        self.id = joined["participant"]["id"]
        self.auth = {"Authorization": f"Bearer {joined['token']}", "X-API-Key": ""}
        self.heard: list[dict[str, Any]] = []
        self.token: str | None = None

    async def say(self, text: str, **more: Any) -> str:
        body = {"type": "chat", "data": text, **more}
        sent = await self.http.post(f"{self.session}/signals", json=body, headers=self.auth)
        assert sent.status_code == 202, sent.text
        return str(sent.json()["id"])

    async def listen(self, count: int) -> list[tuple[str, Any]]:
        """Poll until so many signals have come in all; their types and data."""
        while len(self.heard) < count:
            query = {"wait": 5} | ({} if self.token is None else {"ack": self.token})
            answer = await self.http.get("/messages", params=query, headers=self.auth)
            assert answer.status_code == 200, answer.text
            self.token = answer.json()["ack"] or self.token
            self.heard += [one for one in answer.json()["messages"] if one["type"] == "signal"]
        return [(one["data"]["type"], one["data"]["data"]) for one in self.heard]

    async def history(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.session}/messages", params=query, headers=self.auth)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found


async def come(it: ApiAndWrapper, session: str) -> Person:
    joined = await it.http.post(f"{session}/participants", json={})
    assert joined.status_code == 201, joined.text
    return Person(it.http, session, joined.json())


async def test_a_chat_from_its_first_word_to_the_end_of_its_session(servers: Servers) -> None:
    async with api_and_wrapper(servers, mailboxes="log", history_days=1, tombstone_seconds=0) as it:
        session = f"/sessions/{(await it.http.post('/sessions', json={})).json()['id']}"
        ada, bob = await come(it, session), await come(it, session)
        first = await ada.say("one")
        await ada.say("for bob", to=bob.id)
        late = await come(it, session)
        await bob.say("two")
        changed = await it.http.patch(f"{session}/messages/{first}", json={"data": "won"}, headers=ada.auth)
        assert changed.status_code == 202, changed.text

        edit = ("chat-edit", {"id": first, "data": "won"})
        assert await bob.listen(4) == [("chat", "one"), ("chat", "for bob"), ("chat", "two"), edit]
        assert await ada.listen(3) == [("chat", "one"), ("chat", "two"), edit], "what is private is not for its sender"
        assert await late.listen(2) == [("chat", "two"), edit], "from the join on"
        assert [one["data"] for one in await late.history()] == ["won", "two"]
        assert [one["data"] for one in await ada.history()] == ["won", "for bob", "two"]
        known = {one["id"] for one in await late.history()} | {one["id"] for one in late.heard}
        assert known == {one["id"] for one in ada.heard}, "no gap, and what comes twice has one id"
        assert await late.history(before=late.token) == await late.history()

        assert (await it.http.delete(session)).status_code == 204

        async def is_gone() -> bool:
            return (await it.http.get(session)).status_code == 404

        await until(is_gone)
        kept = await it.http.get(f"{session}/messages")
        assert [one["data"] for one in kept.json()["messages"]] == ["won", "for bob", "two"]
        assert (await it.http.get(f"{session}/messages", headers=ada.auth)).status_code == 404


async def test_a_volatile_signal_is_for_who_asks_now_and_for_nobody_later(servers: Servers) -> None:
    async with api_and_wrapper(servers, mailboxes="log") as it:
        session = f"/sessions/{(await it.http.post('/sessions', json={})).json()['id']}"
        ada, bob = await come(it, session), await come(it, session)
        await ada.say("kept")
        await bob.listen(1)  # he is at the head from here on
        late = await come(it, session)

        async def is_at_the_head() -> bool:
            """Say it again until somebody was asking; what is said while an answer is on its way comes with it."""
            said = {"type": "cursor", "data": 7, "volatile": True, "ttl_ms": 5000}
            for more in ({"to": late.id}, {"to": bob.id}):
                answer = await it.http.post(f"{session}/signals", json=said | more, headers=ada.auth)
                assert answer.status_code == 202, answer.text
            return asking.done()

        asking = asyncio.create_task(bob.listen(2))
        await until(is_at_the_head)
        heard = await asking
        assert (heard[0], set(heard[1:])) == (("chat", "kept"), {("cursor", 7)})
        await ada.say("end")
        assert [one for one in await late.listen(1) if one[0] != "cursor"] == [("chat", "end")]
        assert [one["data"]["data"] for one in late.heard if one["data"]["type"] == "cursor"] == []
        assert [one["data"] for one in await bob.history()] == ["kept", "end"]


async def test_what_is_said_twice_under_one_key_is_said_once(servers: Servers) -> None:
    """Its record is what the key is known by: no document of it is written, and another request is told."""
    async with api_and_wrapper(servers, mailboxes="log") as it, servers.database.client() as client:
        session = f"/sessions/{(await it.http.post('/sessions', json={})).json()['id']}"
        ada, bob = await come(it, session), await come(it, session)
        once = {**ada.auth, "Idempotency-Key": "the-one-and-only-1"}

        async def say(**body: Any) -> httpx.Response:
            return await it.http.post(f"{session}/signals", json={"type": "chat", **body}, headers=once)

        together = await asyncio.gather(say(data="one"), say(data="one"))
        answers = [*together, await say(data="one")]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert len({answer.json()["id"] for answer in answers}) == 1
        others = [await say(data="two"), await say(data="one", to=bob.id), await say(data="one", to=["role:publisher"])]
        assert [(one.status_code, one.json()["code"]) for one in others] == [(422, "key-reused")] * 3
        await ada.say("end")
        assert await bob.listen(2) == [("chat", "one"), ("chat", "end")]
        assert [one["data"] for one in await bob.history()] == ["one", "end"]
        assert await client[servers.database.name]["commands"].count_documents({}) == 0
