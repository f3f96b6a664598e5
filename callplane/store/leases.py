"""Leases: which wrappers and API pods live; in database time, renewed each second, over after three (design 5, 7.2)."""

from collections.abc import Mapping
from typing import Any

from callplane.contracts.engines import Engine
from callplane.contracts.model import Wire
from callplane.store.filters import older_than, younger_than
from callplane.store.mongo.database import Database, Document
from callplane.version import package_version

_POD_KEPT_SECONDS = 3600.0
_SHOWN = 200
"""How many of a kind operators are shown."""
_VERSION = package_version()
ENGINES: tuple[Engine, ...] = ("queues", "log")
"""Those that this program knows."""


class PodSaid(Wire):
    """What a pod says of the commands of its last ten seconds."""

    commands_per_second: float | None = None
    p99_ms: float | None = None
    """Within so many milliseconds 99 of 100 had their outcome; None: there was none."""


_NOTHING = PodSaid()


class Leases:
    """One document per process, whose ``since`` is its last renewal; a restarted process is another."""

    def __init__(self, database: Database, name: str, lease_seconds: float, kept_seconds: float) -> None:
        self._collection = database[name]
        self._running = younger_than("since", lease_seconds)
        """A filter: the lease has not run out."""
        self._expired = older_than("since", kept_seconds)
        """A filter: nobody asks for it any more."""

    async def living(self) -> list[Document]:
        """Those whose lease runs, some hundred at most. Raises Unavailable."""
        found = await self._collection.find(self._running).sort("_id", 1).limit(_SHOWN).to_list()
        return [one for one in found if isinstance(one["_id"], str)]

    async def release(self, process: str) -> None:
        """Give the lease back at a peaceful end, so that others need not wait for it to run out."""
        await self._collection.delete_one({"_id": process})

    async def delete_expired(self) -> list[str]:
        """Remove those of the dead; returns whose they were."""
        dead = [found["_id"] async for found in self._collection.find(self._expired, {"_id": 1})]
        for process in dead:
            await self._collection.delete_one({"_id": process, **self._expired})
        return [process for process in dead if isinstance(process, str)]

    async def all_know(self, engine: Engine) -> bool:
        """Whether every living process of this kind knows the engine."""
        where = {**self._running, "engines": {"$ne": engine}}
        return await self._collection.find_one(where, {"_id": 1}) is None

    async def all_know_tenants(self) -> bool:
        """Whether every living process of this kind knows that a session is of a tenant."""
        where = {**self._running, "tenants": {"$ne": True}}
        return await self._collection.find_one(where, {"_id": 1}) is None

    async def all_know_shards(self) -> bool:
        """Whether every living process of this kind takes commands from shards, or finds those for whom they are."""
        where = {**self._running, "shards": {"$ne": True}}
        return await self._collection.find_one(where, {"_id": 1}) is None

    async def all_know_keyed_records(self) -> bool:
        """Whether every living process of this kind finds the keys of signals in their records, and keeps them."""
        where = {**self._running, "keyed_records": {"$ne": True}}
        return await self._collection.find_one(where, {"_id": 1}) is None

    async def _renew(self, process: str, *, shards: bool, **fields: Any) -> None:
        knows = {"engines": list(ENGINES), "tenants": True, "keyed_records": True, "shards": shards}
        update: Document = {
            "$set": {**fields, **knows, "version": _VERSION},
            "$currentDate": {"since": True},
        }
        await self._collection.update_one({"_id": process}, update, upsert=True)


class WrapperLeases(Leases):
    """Wrappers; an expired lease is removed at once, by whoever adopts what the dead one owned."""

    def __init__(self, database: Database, lease_seconds: float = 3.0, *, shards: bool = False) -> None:
        super().__init__(database, "wrappers", lease_seconds, lease_seconds)
        self._shards = shards
        """Whether this wrapper declares shards, and consumes them from its start."""

    async def renew(self, wrapper: str) -> None:
        """Say that this wrapper lives."""
        await self._renew(wrapper, shards=self._shards)

    async def say(self, wrapper: str, said: Mapping[str, Any]) -> None:
        """What this wrapper says of itself to operators; nobody else reads it. Its lease is as it was."""
        await self._collection.update_one({"_id": wrapper}, {"$set": {"said": dict(said)}})

    async def alive(self) -> frozenset[str]:
        """The wrappers whose lease runs."""
        found = [one["_id"] async for one in self._collection.find(self._running, {"_id": 1})]
        return frozenset(id_ for id_ in found if isinstance(id_, str))

    async def census(self) -> tuple[frozenset[str], frozenset[str]]:
        """Those whose lease runs, and those whose lease has run out, as one question."""
        living = {"$and": [{"$eq": [{"$type": "$since"}, "date"]}, self._running["$expr"]]}
        found = await self._collection.aggregate([{"$project": {"living": living}}])
        leases = {one["_id"]: one["living"] for one in found if isinstance(one["_id"], str)}
        alive = frozenset(wrapper for wrapper, lives in leases.items() if lives)
        return alive, frozenset(leases) - alive


class PodLeases(Leases):
    """API pods; ``holder`` is the queue of a pod's present connection."""

    def __init__(self, database: Database, lease_seconds: float = 3.0) -> None:
        super().__init__(database, "pods", lease_seconds, _POD_KEPT_SECONDS)

    async def renew(self, pod: str, holder: str | None, said: PodSaid = _NOTHING) -> None:
        """Say that this pod lives, which connection of it holds mailboxes, and how it answers. Raises Unavailable."""
        await self._renew(pod, holder=holder, shards=True, said=said.model_dump())

    async def holders(self) -> frozenset[str]:
        """The connections of pods whose lease runs."""
        found = [pod.get("holder") async for pod in self._collection.find(self._running, {"holder": 1})]
        return frozenset(holder for holder in found if isinstance(holder, str))
