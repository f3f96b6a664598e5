"""Receiver reports: when a client that only receives, and whose mailbox nobody reads, last reported (design 7.3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ReturnDocument

from callplane.contracts.ids import ConnectionId
from callplane.store.filters import in_time
from callplane.store.mongo.database import Database, DatabaseClock, Document

FIRST_SECONDS = 3.0
"""What changes later than this after the first look was reported by a client that lives."""

STILL_SECONDS = 10.0
"""Long enough for a client that reports as rarely as RFC 3550 allows (6.2: five seconds, or half as much again)."""

MOVING_PACKETS = 30
"""So much must have been sent meanwhile: who receives nothing reports on nothing."""


class ReceiverReports:
    """One field of a ready connection, ``pulse``, which is written at each look, whichever wrapper has it."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._collection = database["connections"]
        self._clock = clock

    async def stopped(
        self, connection_id: ConnectionId, away: datetime, seen: tuple[Sequence[float], int], until: datetime
    ) -> bool:
        """Note its reports and what was sent by now; whether those have been the same from the first look on.

        What was seen counts until ``until``. Looks begin anew where nothing was sent between two: who receives nothing
        reports on nothing, and may need seconds for its first report on what comes after a silence.

        ``away``: since when its mailbox is read no more, from which on it is looked at. One that was seen to report
        later is a display that reads no messages: not judged by this any more.
        """
        reports, sent = seen
        found = await self._look(connection_id, away, {"reports": list(reports), "sent": sent, "last": sent}, until)
        if found is None:
            return False
        pulse = found["pulse"]
        quiet_from_the_start = pulse["since"] - pulse["first"] <= timedelta(seconds=FIRST_SECONDS)
        still = self._clock.now() - pulse["since"] >= timedelta(seconds=STILL_SECONDS)
        return quiet_from_the_start and still and bool(sent - pulse["sent"] >= MOVING_PACKETS)

    async def _look(
        self, connection_id: ConnectionId, away: datetime, now: Document, until: datetime
    ) -> Document | None:
        since: Document = {**now, "away": away, "since": "$$NOW"}
        nothing_sent = {"$eq": [{"$ifNull": ["$pulse.last", -1]}, now["last"]]}
        branches = [
            {"case": {"$or": [{"$ne": ["$pulse.away", away]}, nothing_sent]}, "then": {**since, "first": "$$NOW"}},
            {"case": {"$ne": ["$pulse.reports", now["reports"]]}, "then": {**since, "first": "$pulse.first"}},
        ]
        same = {"$mergeObjects": ["$pulse", {"last": now["last"]}]}
        return await self._collection.find_one_and_update(
            {"_id": connection_id, "state": "ready", "media_state": "connected", "$expr": in_time(until)},
            [{"$set": {"pulse": {"$switch": {"branches": branches, "default": same}}}}],
            projection={"pulse": 1},
            return_document=ReturnDocument.AFTER,
        )
