"""Attachments of log seats: which pods read for a seat, each by a tag of its own, and how far its client has come.

A tag names one attaching: a late write of an earlier one names another tag, and changes nothing. The first tag makes
the seat attached, the end of the last one detached; its grace begins then, as with seats of the other engine.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment, Tag
from callplane.store.decoding import readable
from callplane.store.log.place import Place
from callplane.store.mongo.database import Database, Document

_LOG = {"engine": "log"}
_READ_FOR = {"pods": 1, "state": 1, "engine": 1}
_FORGET: Document = {"$unset": ["due", "look"]}
"""What was reckoned of the state that it had until now."""


class LogAttachments:
    """Writes for many seats at a time. Each raises Unavailable, and each may be repeated."""

    def __init__(self, database: Database) -> None:
        self._collection = database["attachments"]

    async def read(self, participants: Collection[ParticipantId]) -> dict[ParticipantId, Attachment]:
        """Those that there are, as of the last majority write."""
        found = await self._collection.find({"_id": {"$in": sorted(participants)}, **_LOG}).to_list()
        return {one.participant_id: one for one in readable(Attachment, found, self._collection)}

    async def add(self, tags: Mapping[ParticipantId, Tag]) -> bool:
        """Attach each by its tag, unless it is ended; whether all of them are, or else which must be read."""
        attached = await self._collection.update_each([_adding(one, tag) for one, tag in tags.items()])
        return attached == len(tags)

    async def remove(self, left: Mapping[ParticipantId, tuple[Tag, Place | None]]) -> None:
        """Take these tags out; the places are those that clients have acknowledged last."""
        await self._collection.update_each([_removing(one, tag, place) for one, (tag, place) in left.items()])

    async def save_places(self, places: Mapping[ParticipantId, Place]) -> None:
        """Write down how far these clients have come, while they are here."""
        updates = [({"_id": one, **_LOG}, {"$set": {"place": place.token()}}) for one, place in places.items()]
        await self._collection.update_each(updates)

    async def lost(self, tags: Mapping[ParticipantId, Tag]) -> dict[ParticipantId, Attachment | None]:
        """Those of them that have ended, or do not bear this tag any more; None: there is no such seat (any more)."""
        # By ids alone: a filter for each tag is planned for each.
        found = await self._collection.find({"_id": {"$in": list(tags)}}, _READ_FOR).to_list() if tags else []
        holding = {one["_id"] for one in found if _holds(one, tags[one["_id"]])}
        missing = [one for one in tags if one not in holding]
        there = await self.read(missing) if missing else {}
        return {one: there.get(one) for one in missing}

    async def of_incarnation(self, incarnation: str) -> list[tuple[ParticipantId, Tag]]:
        """Every seat that bears its name, with the tags that do."""
        found = await self._collection.find({"pods.p": incarnation}, {"pods": 1}).to_list()
        return [
            (ParticipantId(one["_id"]), Tag(p=tag["p"], n=tag["n"]))
            for one in found
            for tag in one["pods"]
            if tag["p"] == incarnation
        ]

    async def incarnations(self) -> frozenset[str]:
        """All whose names seats bear. Read this before asking which of them live: one that begins later lives."""
        # Without a filter the index alone answers, an entry for each name; with one every seat that has any is read.
        found = await self._collection.distinct("pods.p", {})
        return frozenset(one for one in found if isinstance(one, str))

    async def remove_dead(self, incarnations: Iterable[str]) -> int:
        """Take out every tag of these; how many seats had one."""
        dead = sorted(incarnations)
        done = await self._collection.update_many({"pods.p": {"$in": dead}}, _without({"$in": ["$$tag.p", dead]}))
        return done.modified_count


def _holds(found: Document, tag: Tag) -> bool:
    """Whether a seat, as it was read, is attached by this tag."""
    tags = found.get("pods")
    is_attached = found.get("state") == "attached" and found.get("engine") == "log"
    return is_attached and isinstance(tags, list) and tag.model_dump() in tags


def _adding(participant_id: ParticipantId, tag: Tag) -> tuple[Document, list[Document]]:
    where: Document = {"_id": participant_id, **_LOG, "state": {"$ne": "ended"}}
    attached = {"$eq": ["$state", "attached"]}
    change = {
        "pods": {"$setUnion": ["$pods", [{"$literal": tag.model_dump()}]]},
        "since": {"$cond": [attached, "$since", "$$NOW"]},
        "state": "attached",
    }
    return where, [{"$set": change}, _FORGET]


def _removing(participant_id: ParticipantId, tag: Tag, place: Place | None) -> tuple[Document, list[Document]]:
    written = {"$literal": tag.model_dump()}
    said: list[Document] = [] if place is None else [{"$set": {"place": place.token()}}]
    return {"_id": participant_id, "pods": tag.model_dump()}, said + _without({"$eq": ["$$tag", written]})


def _without(which: Any) -> list[Document]:
    """Without the tags that are so; without any it is detached, unless it has ended, since now."""
    left = {"$filter": {"input": "$pods", "as": "tag", "cond": {"$not": [which]}}}
    gone = {"$and": [{"$eq": ["$pods", []]}, {"$eq": ["$state", "attached"]}]}
    change = {"state": {"$cond": [gone, "detached", "$state"]}, "since": {"$cond": [gone, "$$NOW", "$since"]}}
    return [{"$set": {"pods": left}}, {"$set": change}, _FORGET]
