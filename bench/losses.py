"""Loss benchmark: how soon all sessions of a killed media server are told, placed again, and owe nothing.

    python -m bench.losses [--sessions 200] [--connections 4] [--wrappers 2] [--rounds 3]

Wrappers and two media servers are processes of their own on a private RabbitMQ and a private mongod. Sessions and their
two seats are made by commands; what they have on a media server is written into the documents, for of a server that is
killed nobody can ask. Nobody offers anything afterwards: what is measured is the work of the wrappers alone. Each round
kills the media server that all of them are on; the next kills the other one.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from bench.calls import servers
from bench.scale import Bench
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.commands import CreateSession, Join
from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.store.connections import new_connection
from callplane.store.mongo.database import Database, DatabaseClock, open_database
from callplane.telemetry.logs import configure_logs
from testkit.servers.programs import Program, Size, cluster
from testkit.servers.until import until

PATIENCE = 120.0
TOLD, PLACED = 3.0, 4.0
"""Seconds within which all are to be told, and all are to have a pipeline again."""


@asynccontextmanager
async def stage(given: argparse.Namespace) -> AsyncIterator[tuple[Bench, Database]]:
    """The programs, and a way to send commands."""
    async with (
        servers() as around,
        cluster(around, Size(apis=0, wrappers=given.wrappers, media_servers=2)) as machines,
        open_bus(RabbitSettings(around.vhost.url, "bench")) as bus,
        bus.sender() as sender,
        open_database(around.database.url, around.database.name) as database,
    ):
        clock = DatabaseClock(database)
        await clock.sync()
        yield Bench(sender, clock, machines, 50, 1), database


async def seated(bench: Bench, count: int) -> list[SessionId]:
    """So many sessions of two seats, which nobody reads and which stay all the same."""
    stays = CreateSession(empty_timeout=86_400, departure_timeout=86_400, grace=900)
    sessions: list[SessionId] = []
    for start in range(0, count, 25):
        made = await asyncio.gather(*(bench.ask(stays) for _ in range(min(25, count - start))))
        some = [SessionId((reply.result or {})["session"]["id"]) for reply in made]
        await asyncio.gather(*(bench.ask(Join(), session) for session in some for _ in range(2)))
        sessions += some
    return sessions


async def connect(database: Database, server: dict[str, Any], connections: int, *, move: bool) -> None:
    """Write down that every session has so many connections on this server; ``move``: and a pipeline there."""
    owners = [one["_id"] async for one in database["wrappers"].find({})]
    made = []
    for session in await database["sessions"].find({"status": "open"}).to_list():
        pipeline = MediaRef(server["_id"], f"{session['_id']}_kurento.MediaPipeline")
        if move:
            placed = {"media": pipeline, "server": server["_id"], "server_id": server["server_id"]}
            await database["sessions"].update_one({"_id": session["_id"]}, {"$set": placed})
        for number in range(connections):
            seat = session["participants"][number % 2]["id"]
            endpoint = MediaRef(server["_id"], f"{pipeline.id}/{number}_kurento.WebRtcEndpoint")
            whose = {"session_id": session["_id"], "participant_id": seat, "epoch": session["epoch"]}
            ready = {"kind": "publish", "offered": True, "state": "ready", "endpoint": endpoint, "claims": 1}
            owner = {"owner": owners[number % len(owners)], "media_state": "connected", "answer": "", "media": []}
            made.append({**new_connection(), "_id": new_id(), **whose, **ready, **owner})
    for one in made:
        await database["connections"].update_one({"_id": one.pop("_id")}, {"$set": one}, upsert=True)


async def server_at(database: Database, url: str) -> dict[str, Any]:
    """The media server of this address; nothing while it is not up."""
    return await database["media_servers"].find_one({"url": url, "state": "up"}) or {}


async def round_(bench: Bench, database: Database, hit: Program, epoch: int) -> bool:
    """Kill it; prints when the last was told, placed, and rid of what it owed. Whether that was soon enough."""
    cpu, began = bench.cpu(), time.monotonic()
    await hit.kill()
    behind: dict[str, dict[str, Any]] = {
        "told": {"$or": [{"epoch": {"$lt": epoch}}, {"outbox.type": "media-lost"}]},
        "placed": {"$or": [{"epoch": {"$lt": epoch}}, {"media": None}]},
        "at rest": {"$or": [{"outbox.0": {"$exists": True}}, {"chores.0": {"$exists": True}}]},
    }
    took: dict[str, float] = {}
    for what, where in behind.items():
        await until(partial(_none, database, where), PATIENCE)
        took[what] = time.monotonic() - began
    await until(partial(_released, database, epoch), PATIENCE)
    count = await database["sessions"].count_documents({})
    spent = (bench.cpu() - cpu) / count * 1000
    times = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in took.items())
    print(f"{times}, {spent:.1f} ms of wrappers' CPU each", flush=True)
    return took["told"] <= TOLD and took["placed"] <= PLACED


async def _is_up(database: Database, url: str) -> bool:
    return bool(await server_at(database, url))


async def _none(database: Database, where: dict[str, Any]) -> bool:
    return await database["sessions"].find_one({"status": "open", **where}, {"_id": 1}) is None


async def _released(database: Database, epoch: int) -> bool:
    return await database["connections"].find_one({"state": "ready", "epoch": {"$lt": epoch}}, {"_id": 1}) is None


async def main(given: argparse.Namespace) -> int:
    """All rounds; 1 when one of them was slower than promised."""
    good = True
    async with stage(given) as (bench, database):
        hit, idle = bench.machines.media_servers
        for one in (hit, idle):
            await until(partial(_is_up, database, one.url), PATIENCE)
        await seated(bench, given.sessions)
        for number in range(1, given.rounds + 1):
            await until(partial(_is_up, database, hit.url), PATIENCE)
            await connect(database, await server_at(database, hit.url), given.connections, move=number == 1)
            good = await round_(bench, database, hit, number + 1) and good
            await hit.restart()
            hit, idle = idle, hit
            await asyncio.sleep(3)
    print(f"told within {TOLD:g} s and placed within {PLACED:g} s: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.losses", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--wrappers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    configure_logs("warning")
    raise SystemExit(asyncio.run(main(parser.parse_args())))
