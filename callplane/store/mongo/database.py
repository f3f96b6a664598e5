"""Database: MongoDB opened the way every promise needs it (majority and journal, primary reads), and its clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from urllib.parse import urlsplit

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from callplane.store.mongo.driver import Database, Document
from callplane.store.mongo.media_codec import TYPE_REGISTRY
from callplane.store.mongo.read_barrier import Primaries, ReadBarrier
from callplane.store.mongo.shielded_calls import ShieldedCalls

__all__ = ["Database", "DatabaseClock", "Document", "open_database", "open_messages"]


DRIFT = 200e-6
"""Seconds by which two computers' clocks, ours and the primary's, part in each second. One that nobody mends is wrong
by 78 ppm at the median (D. Mills, Computer Network Time Synchronization, of 20,000 hosts); NTP keeps them far closer.
"""
NOTHING = "read_barrier"
"""A collection that is never there: a write to it changes nothing, and still waits for a majority."""

_RESOLUTION = 0.001
"""Seconds: BSON's dates are whole milliseconds, rounded down."""


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The database's ``time`` when the monotonic clock stood ``at``, and by how many seconds it may have been wrong."""

    time: datetime
    at: float
    error: float

    def time_at(self, monotonic_time: float) -> datetime:
        return self.time + timedelta(seconds=monotonic_time - self.at)

    def error_at(self, monotonic_time: float) -> float:
        return self.error + DRIFT * (monotonic_time - self.at)

    def agrees_with(self, other: "_Estimate", monotonic_time: float) -> bool:
        """Whether both may be right. If not, they are of two clocks: it was stepped, or another primary answers."""
        apart = abs((self.time_at(monotonic_time) - other.time_at(monotonic_time)).total_seconds())
        return apart <= self.error_at(monotonic_time) + other.error_at(monotonic_time)


class DatabaseClock:
    """Database time without asking each time: from the best answer, and the time that has passed since.

    That is the monotonic clock's, not the wall's: a step of this machine's clock would be a wrong deadline. It is asked
    at each lease renewal. Where in its round trip an answer was read nobody knows, so one that took 100 ms may be wrong
    by 50: it takes no better one's place.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._best = _Estimate(datetime.now(UTC), monotonic(), inf)
        """What is known best; until the first answer, this machine's own clock."""

    async def sync(self) -> None:
        """Read the primary's clock; half the round trip has passed since, as likely as not. Raises Unavailable."""
        asked = monotonic()
        answer = await self._database.hello()
        heard = monotonic()
        new = _Estimate(answer["localTime"], (asked + heard) / 2, (heard - asked) / 2 + _RESOLUTION)
        if new.error_at(heard) < self._best.error_at(heard) or not new.agrees_with(self._best, heard):
            self._best = new

    def now(self) -> datetime:
        """The database's time, as well as this process knows it."""
        return self._best.time_at(monotonic())


@asynccontextmanager
async def open_database(url: str, name: str = "callplane") -> AsyncIterator[Database]:
    """One client for the process; a 2xx follows a majority write, and reads see every acknowledged write (design 5)."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        url, serverSelectionTimeoutMS=2000, timeoutMS=5000, retryWrites=True, tz_aware=True, appname="callplane"
    )
    database = client.get_database(
        name,
        # A date or a text that Python cannot hold must not keep a whole batch of documents from being read.
        codec_options=CodecOptions(
            tz_aware=True,
            tzinfo=UTC,
            type_registry=TYPE_REGISTRY,
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,
            unicode_decode_error_handler="replace",
        ),
        read_preference=ReadPreference.PRIMARY,
        write_concern=WriteConcern(w="majority", j=True),
        read_concern=ReadConcern("majority"),
    )

    async def change_nothing() -> None:
        await database[NOTHING].update_one({"_id": "nobody"}, {"$set": {"at": None}})

    calls = ShieldedCalls(ReadBarrier(Primaries(client).now, change_nothing))
    try:
        yield Database(calls, database)
    finally:
        await calls.wait_idle()
        await client.close()


@asynccontextmanager
async def open_messages(database: Database, url: str, name: str) -> AsyncIterator[Database]:
    """Where logs and their history are: the same database, or that of this URL, by the name in its path or by ``name``.

    Change streams read every write of the server that they watch, and so have nothing to do with it. What cannot be
    read there is told where the other's is.
    """
    if not url:
        yield database
        return
    async with open_database(url, urlsplit(url).path.strip("/") or name) as messages:
        messages.unread = database.unread
        yield messages
