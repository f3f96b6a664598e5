"""Opening MongoDB the way every promise needs it: majority and journal, primary reads, database time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from callplane.store.mongo.driver import Database, Document, ShieldedCalls
from callplane.store.mongo.media_codec import TYPE_REGISTRY

__all__ = ["Database", "DatabaseClock", "Document", "open_database"]


class DatabaseClock:
    """Database time without asking each time: as last asked, at each lease renewal, and the time that has passed since.

    That is the monotonic clock's, not the wall's: a step of this machine's clock would be a wrong deadline.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known, self._at = datetime.now(UTC), monotonic()

    async def sync(self) -> None:
        """Read the primary's clock; half the round trip has passed since. Raises Unavailable."""
        asked = monotonic()
        answer = await self._database.hello()
        heard = monotonic()
        self._known, self._at = answer["localTime"], (asked + heard) / 2

    def now(self) -> datetime:
        """The database's time, as well as this process knows it."""
        return self._known + timedelta(seconds=monotonic() - self._at)


@asynccontextmanager
async def open_database(url: str, name: str = "callplane") -> AsyncIterator[Database]:
    """One client for the process; a 2xx follows a majority write, and reads see every acknowledged write (design 5)."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        url, serverSelectionTimeoutMS=2000, timeoutMS=5000, retryWrites=True, tz_aware=True, appname="callplane"
    )
    calm = ShieldedCalls()
    try:
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
        yield Database(calm, database)
    finally:
        await calm.rest()
        await client.close()
