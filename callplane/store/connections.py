"""Connections: wanted, claimed, ready, released. Every step is one guarded update (design 5)."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from callplane.contracts.bounds import CANDIDATES, CONNECTIONS_PER_SEAT
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import connection_state
from callplane.contracts.reasons import ReleaseReason
from callplane.contracts.shapes import Kind, MediaKind, Source
from callplane.store.decoding import page, read
from callplane.store.documents import ConnectionDocument
from callplane.store.filters import older_than, remembered
from callplane.store.mongo.database import Document
from callplane.store.mongo.media_codec import media_ref
from callplane.store.swept_connections import UNRELEASED, SweptConnections
from callplane.store.versioned_updates import Change, NewChore

CLAIM_SECONDS = 15.0
SWEPT_SECONDS = 30.0
"""So long the chore of what has swept it may take to release its endpoint."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connection that a participant asks for."""

    id: ConnectionId
    session_id: SessionId
    participant_id: ParticipantId
    kind: Kind
    publisher: ParticipantId | None = None
    stream: ConnectionId | None = None
    source: Source | None = None


class Connections(SweptConnections):
    """One method per step in the life of a connection."""

    async def find(self, connection_id: ConnectionId) -> ConnectionDocument | None:
        """The connection as of the last majority write."""
        return await self._updates.find(connection_id)

    async def offer(self, wanted: Wanted) -> ConnectionDocument | None:
        """Write down that it is wanted, also where candidates or a stop came first; returns it as it is now.

        None: the id belongs to another seat.
        """
        return (await self._offer(wanted, {"$setOnInsert": {"claims": 0}}))[0]

    async def offer_claimed(self, wanted: Wanted, wrapper: str) -> tuple[ConnectionDocument | None, bool]:
        """The same, and claim it where it is new: True then. Its epoch is 0 until a commit, or a loss, says one."""
        claim = {"$set": {"claim.wrapper": wrapper}, "$currentDate": {"claim.at": True}, "$inc": {"claims": 1}}
        return await self._offer(wanted, claim)

    async def _offer(self, wanted: Wanted, more: Document) -> tuple[ConnectionDocument | None, bool]:
        """With this besides; False: it was offered before, or the id belongs to another seat."""
        mine = {"_id": wanted.id, "session_id": wanted.session_id, "participant_id": wanted.participant_id}
        asked: Document = {"offered": True, "kind": wanted.kind, "publisher": wanted.publisher, "stream": wanted.stream}
        if wanted.source is not None:
            asked["source"] = wanted.source
        birth = {key: value for key, value in new_connection().items() if key not in ("state", "offered", "claims")}
        where = {**mine, "state": "negotiating", "offered": {"$ne": True}}
        offer: Document = {"$set": asked, "$setOnInsert": birth, "$currentDate": {"since": True}}
        update = {name: {**offer.get(name, {}), **more.get(name, {})} for name in offer | more}
        try:
            offered = await self._change(where, update, upsert=True)
        except DuplicateKeyError:
            # It is there: of another seat, offered before, or inserted by candidates in this very moment.
            offered = await self._change(where, update)
        if offered is not None:
            return offered, True
        found = await self.find(wanted.id)
        return found if found is not None and found.participant_id == wanted.participant_id else None, False

    async def claim(
        self, connection_id: ConnectionId, epoch: int, wrapper: str, alive: Iterable[str] | None = None
    ) -> ConnectionDocument | None:
        """Become the one who acts for it in this epoch: free, or its holder is dead or has held it for too long.

        A claim of our own is one whose answer was lost, or whose attempt was cut off: ``claims`` fences it off. Without
        ``alive`` nobody counts as dead.
        """
        dead = (
            {"claim.wrapper": wrapper} if alive is None else {"claim.wrapper": {"$nin": sorted({*alive} - {wrapper})}}
        )
        free = [
            {"claim": {"$exists": False}},
            dead,
            older_than("claim.at", CLAIM_SECONDS),
        ]
        where = {"_id": connection_id, "state": "negotiating", "offered": True, "epoch": {"$lte": epoch}, "$or": free}
        update = {
            "$set": {"claim.wrapper": wrapper, "epoch": epoch},
            "$currentDate": {"claim.at": True},
            "$inc": {"claims": 1},
        }
        return await self._change(where, update)

    async def commit(
        self,
        claimed: ConnectionDocument,
        wrapper: str,
        endpoint: MediaRef,
        answer: str,
        media: Iterable[MediaKind] = (),
    ) -> ConnectionDocument | None:
        """Make it ready, if the claim still stands; returns it with every candidate that has come until now."""
        ready = {"state": "ready", "endpoint": endpoint, "answer": answer, "media": list(media), "owner": wrapper}
        ready["epoch"] = claimed.epoch
        update = {"$set": ready, "$unset": {"claim": ""}, "$currentDate": {"since": True}}
        return await self._change(_held(claimed, wrapper), update)

    async def release_claim(self, claimed: ConnectionDocument, wrapper: str) -> None:
        """End a claim whose attempt failed, so that the next need not wait."""
        await self._change(_held(claimed, wrapper), {"$unset": {"claim": ""}})

    async def release(self, connection_id: ConnectionId, reason: ReleaseReason) -> Change[ConnectionDocument] | None:
        """End one, in whatever state it is; its chore reconciles media server and streams. None: it had ended."""
        return await self._release({"_id": connection_id}, reason)

    async def release_own(
        self, connection_id: ConnectionId, participant_id: ParticipantId, reason: ReleaseReason
    ) -> Change[ConnectionDocument] | None:
        """End one, if it is this participant's."""
        return await self._release({"_id": connection_id, "participant_id": participant_id}, reason)

    async def release_replaced(
        self, connection_id: ConnectionId, participant_id: ParticipantId, kind: Kind
    ) -> Change[ConnectionDocument] | None:
        """End one that another of the same participant and kind has taken the place of."""
        return await self._release({"_id": connection_id, "participant_id": participant_id, "kind": kind}, "replaced")

    async def release_abandoned(self, connection_id: ConnectionId, claims: int) -> Change[ConnectionDocument] | None:
        """End one that nobody acts for, unless somebody has claimed it since it was read with so many claims."""
        return await self._release({"_id": connection_id, "claims": claims}, "abandoned")

    async def release_failed(
        self, connection_id: ConnectionId, since: datetime | None
    ) -> Change[ConnectionDocument] | None:
        """End one whose media has been failed ever since then."""
        return await self._release({"_id": connection_id, "media_state": "failed", "since": since}, "failed")

    async def release_endpointless(
        self, connection_id: ConnectionId, endpoint: MediaRef
    ) -> Change[ConnectionDocument] | None:
        """End one whose endpoint, this one, its media server does not have any more."""
        return await self._release({"_id": connection_id, "endpoint": endpoint}, "failed")

    async def schedule_reconciliation(self, connection_id: ConnectionId) -> Change[ConnectionDocument] | None:
        """Whoever made it ready may have died before it was reconciled."""
        return await self._updates.change({"_id": connection_id, "state": "ready"}, {}, None, [NewChore("settle")])

    async def stop(
        self,
        connection_id: ConnectionId,
        session_id: SessionId,
        participant_id: ParticipantId,
        reason: ReleaseReason = "stopped",
    ) -> Change[ConnectionDocument] | None:
        """End it, also when its offer has not come yet, which then finds it released. None: ended, or another's.

        A seat that has as many without an offer as it may leaves no more of them behind.
        """
        mine = {"_id": connection_id, "session_id": session_id, "participant_id": participant_id}
        stopped = await self._release(mine, reason)
        if stopped is not None or not await self._make(mine):
            return stopped
        return await self._release(mine, reason)

    async def create_unoffered(
        self, connection_id: ConnectionId, session_id: SessionId, participant_id: ParticipantId
    ) -> None:
        """Make room for what comes before its offer, unless the seat has too many of those; one that is there stays."""
        await self._make({"_id": connection_id, "session_id": session_id, "participant_id": participant_id})

    async def add_candidates(
        self,
        command_id: CommandId,
        connection_id: ConnectionId,
        session_id: SessionId,
        participant_id: ParticipantId,
        candidates: list[Document],
    ) -> ConnectionDocument | None:
        """Keep candidates of the client, each once, once per command, and bounded.

        Returns the connection as it was before: what it holds not yet is new. None: unknown, a repeat of the
        command, released, or another's.
        """
        mine = {"_id": connection_id, "session_id": session_id, "participant_id": participant_id}
        where = {**mine, "state": {"$ne": "released"}, "applied": {"$ne": command_id}}
        had = {"$ifNull": ["$candidates", []]}
        new = {"$filter": {"input": {"$literal": candidates}, "cond": {"$not": [{"$in": ["$$this", had]}]}}}
        kept = {"$slice": [{"$concatArrays": [had, new]}, CANDIDATES]}
        found = await self._collection.find_one_and_update(
            where, [{"$set": {"candidates": kept, "applied": remembered(command_id)}}]
        )
        return None if found is None else read(ConnectionDocument, found, self._collection)

    async def redirect_subscriptions(
        self, session_id: SessionId, publisher: ParticipantId, old: ConnectionId, new: ConnectionId
    ) -> None:
        """Let subscriptions that name one connection of a publisher name the one that replaces it."""
        await self._collection.update_many(
            {"session_id": session_id, "publisher": publisher, "stream": old}, {"$set": {"stream": new}}
        )

    async def offered_by(
        self, session_id: SessionId, participant_id: ParticipantId, also: ConnectionId | None = None
    ) -> list[ConnectionDocument]:
        """Those of a seat whose offer has come; and, in the same breath, the connection that is named besides."""
        own = {"session_id": session_id, "participant_id": participant_id, "offered": True, **UNRELEASED}
        return await self._all(own if also is None else {"$or": [own, {"_id": also}]})

    async def ready_of(self, session_id: SessionId, participant_id: ParticipantId) -> list[ConnectionDocument]:
        """The ready ones of a seat."""
        return await self._all({"session_id": session_id, "participant_id": participant_id, "state": "ready"})

    async def published_and_subscribed(
        self, session_id: SessionId, publisher: ParticipantId
    ) -> list[ConnectionDocument]:
        """The ready ones by which a participant publishes, and those that show it to somebody."""
        session = {"session_id": session_id, "state": "ready"}
        published = {**session, "participant_id": publisher, "kind": "publish"}
        return await self._all({"$or": [published, {**session, "publisher": publisher}]})

    async def abandoned(self, alive: Iterable[str], seconds: float) -> list[ConnectionDocument]:
        """Offered, never finished, and nobody living has acted for ``seconds``: their command is lost."""
        idle = {"$or": [{"claim": {"$exists": False}}, {"claim.wrapper": {"$nin": list(alive)}}]}
        where = {"state": "negotiating", "offered": True, **idle, **older_than("since", seconds)}
        return await self._all(where, 100)

    async def endpoints_among(self, refs: list[MediaRef]) -> set[MediaRef]:
        """Those of ``refs`` that a connection names as its endpoint, also one that is just being released."""
        lately = {"reason": "swept", "since": {"$gt": self._clock.now() - timedelta(seconds=SWEPT_SECONDS)}}
        named = [{"state": "ready"}, {"chores.0": {"$exists": True}}, lately]
        found = self._collection.find({"endpoint": {"$in": refs}, "$or": named}, {"endpoint": 1})
        return {media_ref(connection["endpoint"]) async for connection in found}

    async def revoke_claim(self, connection_id: ConnectionId, claim: int) -> None:
        """End the claim under which an orphan was made, so that its late commit fails."""
        where = {"_id": connection_id, "state": "negotiating", "claims": claim, "claim": {"$exists": True}}
        await self._change(where, {"$unset": {"claim": ""}})

    async def delete_of(self, session_id: SessionId) -> None:
        """Forget every connection of a session that is forgotten itself."""
        await self._collection.delete_many({"session_id": session_id})

    async def _release(self, where: Document, reason: ReleaseReason) -> Change[ConnectionDocument] | None:
        return await self._updates.change(
            {"state": {"$ne": "released"}, **where},
            {"$set": {"state": "released", "reason": reason}, "$unset": {"claim": ""}, "$currentDate": {"since": True}},
            connection_state(where["_id"], "closed", reason if reason in ("not-allowed", "removed") else None),
            [NewChore("settle")],
        )

    async def _all(self, where: Document, limit: int = 0) -> list[ConnectionDocument]:
        return await page(ConnectionDocument, where, self._collection, limit=limit)

    async def _change(self, where: Document, update: Document, *, upsert: bool = False) -> ConnectionDocument | None:
        found = await self._collection.find_one_and_update(
            where, update, upsert=upsert, return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(ConnectionDocument, found, self._collection)

    async def _make(self, mine: Document) -> bool:
        """Insert a connection whose offer has not come yet; one that is there already is left alone.

        False: the seat has too many of those, for a client may name as many as it likes. They are counted beforehand,
        so that by as many as wrappers do this at once there may be more.
        """
        seat = {name: value for name, value in mine.items() if name != "_id"}
        update = {"$setOnInsert": new_connection(), "$currentDate": {"since": True}}
        if await self._collection.count_documents({**seat, "offered": False}) >= CONNECTIONS_PER_SEAT:
            return False
        with suppress(DuplicateKeyError):
            await self._collection.update_one({**mine, "state": {"$exists": False}}, update, upsert=True)
        return True


def new_connection() -> Document:
    numbers: Document = {"epoch": 0, "version": 0, "claims": 0}
    lists: Document = {"candidates": [], "outbox": [], "chores": [], "applied": []}
    return {"state": "negotiating", "offered": False, **numbers, **lists}


def _held(claimed: ConnectionDocument, wrapper: str) -> Document:
    # 0: claimed when it was offered, before its session was read; a loss moves it, and takes the claim away.
    claim = {"_id": claimed.id, "claims": claimed.claims, "epoch": {"$in": [0, claimed.epoch]}}
    return {**claim, "state": "negotiating", "claim.wrapper": wrapper}
