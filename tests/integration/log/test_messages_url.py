"""Logs in a database of their own: everything of theirs is there and nothing beside, and goes when its session does."""

from callplane.store.indexes import OF_MESSAGES
from testkit.inprocess.api_and_wrapper import api_and_wrapper
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until
from tests.integration.log.test_chat_over_http import come


async def test_logs_and_history_are_where_their_url_says_and_nowhere_else(servers: Servers) -> None:
    stored = servers.database
    theirs = Database(stored.server, f"{stored.name}_m")
    path, _, options = theirs.url.partition("?")
    url = f"{path}{theirs.name}?{options}"
    try:
        async with api_and_wrapper(
            servers, mailboxes="log", messages_url=url, history_days=1, tombstone_seconds=0
        ) as it:
            made = (await it.http.post("/sessions", json={})).json()["id"]
            ada, bob = await come(it, f"/sessions/{made}"), await come(it, f"/sessions/{made}")
            await ada.say("one")
            assert await bob.listen(1) == [("chat", "one")]
            assert [one["data"] for one in await bob.history()] == ["one"]
            assert (await theirs.counts())["log"] > 1
            assert (await theirs.counts()).keys() >= OF_MESSAGES
            assert (await it.http.delete(f"/sessions/{made}")).status_code == 204

            async def is_gone() -> bool:
                return (await it.http.get(f"/sessions/{made}")).status_code == 404

            await until(is_gone)
            kept = await it.http.get(f"/sessions/{made}/messages")
            assert [one["data"] for one in kept.json()["messages"]] == ["one"]
            assert (await theirs.counts())["log"] == 0
        here = await stored.counts()
        assert {name: here.get(name, 0) for name in OF_MESSAGES} == dict.fromkeys(OF_MESSAGES, 0)
        assert (await theirs.counts()).keys() == OF_MESSAGES
    finally:
        await theirs.drop()
