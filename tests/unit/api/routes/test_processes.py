"""Processes over HTTP: who lives, what it said, what waits, and to whom that is told."""

from datetime import UTC, datetime, timedelta

from callplane.store.indexes import ensure_indexes
from callplane.store.leases import PodLeases, PodSaid, WrapperLeases
from callplane.store.mongo.database import open_database
from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.crowded_database import session
from testkit.servers.servers import Database

OPS = "p" * 32
NOW = datetime.now(UTC).replace(microsecond=0)


async def test_the_living_are_shown_with_what_they_said(database: Database) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    owed = [{"id": "x", "do": "place", "at": long_ago, "with": {}}]
    await database.write("sessions", session(_id="s", chores=owed))
    await database.write("wrappers", {"_id": "dead", "since": long_ago, "said": {"depths": {"wrapper": 9}}})
    async with (
        api(settings_for(database), ScriptedBus()) as it,
        open_database(database.url, database.name) as store,
    ):
        await ensure_indexes(store)
        wrappers = WrapperLeases(store, 60.0)
        for name in ("new", "newest", "next"):
            await wrappers.renew(name)
        await PodLeases(store).renew("pod", "pod.1", PodSaid(commands_per_second=2.5, p99_ms=40.0))
        said = {"load": 0.25, "sessions": 3, "shards": 64, "media_servers": ["a"]}
        lost = {"at": NOW, "sessions": 2, "seconds": 1.5, "session_id": "s"}
        await wrappers.say("newest", {"failover": {**lost, "at": NOW - timedelta(seconds=50), "seconds": 4.0}})
        await wrappers.say("new", {**said, "failover": lost, "depths": {"wrapper": 2}, "waiting": {"wrapper": 5.0}})
        await wrappers.say("next", {"load": "words of another version"})
        await wrappers.say("dead and gone", said)
        found = (await it.http.get("/processes", headers=BY_KEY)).json()
    new, _, following = found["wrappers"]
    assert new == {"id": "new", "version": new["version"], **said}
    assert (following["id"], following["load"], following["media_servers"]) == ("next", None, [])
    assert new["version"] == following["version"]
    [pod] = [one for one in found["pods"] if one["id"] == "pod"]
    assert (pod["holds_mailboxes"], pod["commands_per_second"], pod["p99_ms"]) == (True, 2.5, 40.0)
    # Two wrappers have placed what one loss had taken: together four, the slowest of which took 4 s.
    last = found["last_failover"]
    assert (last["sessions"], last["seconds"]) == (4, 4.0)
    assert datetime.fromisoformat(last["at"]) == NOW
    waiting, chores = found["queues"]
    assert waiting == {"name": "wrapper", "messages": 2, "waiting_seconds": 5.0}
    assert (chores["name"], chores["messages"]) == ("chores of sessions", None)
    assert chores["waiting_seconds"] >= 3600


async def test_operators_alone_are_told(database: Database) -> None:
    keys = {"api_keys": f"tests:{KEY},ops:{OPS}", "operator_keys": "ops"}
    async with api(settings_for(database, **keys), ScriptedBus()) as it:
        assert (await it.http.get("/processes", headers=BY_KEY)).status_code == 404
        assert (await it.http.get("/processes")).status_code == 401
        assert (await it.http.get("/processes", headers={"X-API-Key": OPS})).status_code == 200
