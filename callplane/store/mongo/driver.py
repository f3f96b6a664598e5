"""Driver: what repositories use of PyMongo's databases, collections and change streams, by shielded calls."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from pymongo import UpdateOne
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DocumentTooLarge
from pymongo.results import DeleteResult, InsertOneResult, UpdateResult

from callplane.store.decoding import UnreadDocuments
from callplane.store.mongo.commands import DOUBLE_KEY, Commands
from callplane.store.mongo.shielded_calls import ShieldedCalls

Document = dict[str, Any]
Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]


Outcome = Literal["inserted", "double", "known", "unknown"]
"""Of one document of many: it is there, its ``_id`` was taken, something else in it that is unique, or nobody knows."""

_ALL: Mapping[str, Any] = {}
_IN_COMMANDS = {"projection": "fields", "array_filters": "arrayFilters"}
"""What findAndModify calls PyMongo's options."""


class Query:
    """A query: read as a whole when it is iterated, so that no cursor is left half read."""

    def __init__(self, calls: ShieldedCalls, commands: Commands, query: Document) -> None:
        self._calls = calls
        self._commands = commands
        self._query = query

    def sort(self, key: str, direction: int) -> "Query":
        """Order by one field."""
        return Query(self._calls, self._commands, {**self._query, "sort": {key: direction}})

    def limit(self, limit: int) -> "Query":
        """At most so many; 0 is all."""
        return Query(self._calls, self._commands, {**self._query, "limit": limit})

    async def to_list(self) -> list[Document]:
        """All that matches.

        By the command itself: PyMongo's cursor costs a fifth more.
        """
        return await self._calls.read(lambda: self._commands.all_found(self._query))

    async def __aiter__(self) -> AsyncIterator[Document]:
        """Document after document."""
        for document in await self.to_list():
            yield document


class Collection:
    """The operations of a collection that repositories use."""

    def __init__(self, calls: ShieldedCalls, collection: AsyncCollection[Document], unread: UnreadDocuments) -> None:
        self._calls = calls
        self._collection = collection
        self._commands = Commands(collection)
        self.unread = unread

    @property
    def name(self) -> str:
        """What MongoDB calls it."""
        return self._collection.name

    def with_options(self, **options: Any) -> "Collection":
        """The same collection with another read or write concern."""
        return Collection(self._calls, self._collection.with_options(**options), self.unread)

    def find(self, where: Mapping[str, Any] = _ALL, projection: Any = None, *, hint: str | None = None) -> Query:
        """Query; ``hint`` names the index by which it is answered."""
        options = {"projection": projection, "hint": hint}
        given = {name: option for name, option in options.items() if option is not None}
        return Query(self._calls, self._commands, {"filter": where, **given})

    async def aggregate(self, stages: Sequence[Mapping[str, Any]]) -> list[Document]:
        """All that comes out of an aggregation."""

        async def all_of_it() -> list[Document]:
            return await (await self._collection.aggregate(stages)).to_list()

        return await self._calls.read(all_of_it)

    async def find_one(self, where: Mapping[str, Any], *args: Any) -> Document | None:
        """One document that matches."""
        return await self._calls.read(lambda: self._commands.found(where, *args))

    async def find_one_and_update(self, where: Mapping[str, Any], update: Update, **options: Any) -> Document | None:
        """Update one and return it."""
        found: Document | None = await self._calls(self._collection.find_one_and_update(where, update, **options))
        return found

    async def update_one(self, where: Mapping[str, Any], update: Update, **options: Any) -> UpdateResult:
        """Update one."""
        return await self._calls(self._collection.update_one(where, update, **options))

    async def update_repeatable(self, *updates: tuple[Document, Update], many: bool = False) -> int:
        """Update one document (``many``: all that match) by each of these, which may be done twice, with one command.

        How many matched in all.

        Of a write that PyMongo may send again the server writes down that it was done, which costs it another write. Of
        this it does not, and whether it was done whose answer was lost is nothing to know: it is done once more.
        """
        each = [{"q": where, "u": update, "multi": many} for where, update in updates]
        answer, _ = await self._calls(self._commands.written({"update": self.name, "updates": each, "ordered": False}))
        return int(answer["n"])

    async def find_one_and_update_repeatable(
        self, where: Mapping[str, Any], update: Update, *, done: Mapping[str, Any] | None = None, **options: Any
    ) -> Document | None:
        """The same of one, of which the document afterwards is wanted.

        ``done`` finds it once the update has been done: what a repeat then returns, which does not match any more.
        """
        named = {_IN_COMMANDS.get(name, name): value for name, value in options.items() if value is not None}
        command = {"findAndModify": self.name, "query": where, "update": update, "new": True, **named}

        async def work() -> Document | None:
            answer, again = await self._commands.written(command)
            found: Document | None = answer["value"]
            if found is None and again and done is not None:
                return await self._commands.found(done, options.get("projection"))
            return found

        return await self._calls(work())

    async def update_many(self, where: Mapping[str, Any], update: Update, **options: Any) -> UpdateResult:
        """Update all that match."""
        return await self._calls(self._collection.update_many(where, update, **options))

    async def insert_one(self, document: Document) -> InsertOneResult:
        """Insert."""
        return await self._calls(self._collection.insert_one(document))

    async def insert_each(self, documents: Sequence[Document]) -> list[Outcome]:
        """Insert each by itself: what became of each. Raises Unavailable: nothing is known of any.

        With one command, of which an ``_id`` that is taken may be its own doing: its answer may have been lost.
        """
        return await self._calls(self._inserted(documents))

    async def _inserted(self, documents: Sequence[Document]) -> list[Outcome]:
        try:
            return _outcomes(await self._commands.inserted(documents), len(documents))
        except DocumentTooLarge:
            if len(documents) == 1:
                raise
        half = len(documents) // 2
        return await self._inserted(documents[:half]) + await self._inserted(documents[half:])

    async def update_each(self, updates: Sequence[tuple[Document, Update]], *, upsert: bool = False) -> int:
        """Carry out each update by itself, in any order, with one command; raises if one of them failed.

        How many found a document.
        """
        operations = [UpdateOne(where, update, upsert=upsert) for where, update in updates]
        return (await self._calls(self._collection.bulk_write(operations, ordered=False))).matched_count

    async def update_in_order(self, updates: Sequence[tuple[Document, Update]], *, upsert: bool = False) -> int:
        """The same, one after the other: none before those in front of it; raises at the first failure.

        How many were there and are otherwise now.
        """
        operations = [UpdateOne(where, update, upsert=upsert) for where, update in updates]
        return (await self._calls(self._collection.bulk_write(operations, ordered=True))).modified_count

    async def delete_one(self, where: Mapping[str, Any]) -> DeleteResult:
        """Delete one."""
        return await self._calls(self._collection.delete_one(where))

    async def delete_many(self, where: Mapping[str, Any]) -> DeleteResult:
        """Delete all that match."""
        return await self._calls(self._collection.delete_many(where))

    async def count_documents(self, where: Mapping[str, Any]) -> int:
        """How many match."""
        return await self._calls.read(lambda: self._collection.count_documents(where))

    async def distinct(self, field: str, where: Mapping[str, Any]) -> list[Any]:
        """The values that a field has in those that match."""
        return await self._calls.read(lambda: self._collection.distinct(field, where))

    async def create_indexes(self, models: Sequence[Any]) -> list[str]:
        """Make what is missing."""
        return await self._calls(self._collection.create_indexes(models))

    async def index_names(self) -> frozenset[str]:
        """The indexes that there are; none of a collection that there is not."""
        return frozenset(await self._calls(self._collection.index_information()))

    async def drop_index(self, name: str) -> None:
        """Drop one."""
        await self._calls(self._collection.drop_index(name))


class ChangeStream:
    """A change stream."""

    def __init__(self, calls: ShieldedCalls, stream: AsyncDatabaseChangeStream[Document]) -> None:
        self._calls = calls
        self._stream = stream

    @property
    def alive(self) -> bool:
        """Whether more may come."""
        return self._stream.alive

    async def try_next(self) -> Mapping[str, Any] | None:
        """The next change, or None when the bounded wait is over."""
        return await self._calls(self._stream.try_next(), watches=True)

    async def close(self) -> None:
        """End it."""
        await self._calls(self._stream.close())


class Database:
    """A database whose operations nobody's cancellation reaches."""

    def __init__(self, calls: ShieldedCalls, database: AsyncDatabase[Document]) -> None:
        self._calls = calls
        self._database = database
        self.unread = UnreadDocuments()

    def __getitem__(self, name: str) -> Collection:
        return Collection(self._calls, self._database[name], self.unread)

    async def wait_for_writes(self, seconds: float) -> None:
        """Wait until what is on its way now has arrived, also what was cancelled meanwhile, or the time is over."""
        await self._calls.wait_for_writes(seconds)

    async def hello(self) -> Document:
        """What the server says of itself, with its ``localTime``."""
        admin = self._database.client.admin
        return await self._calls(admin.command("hello", codec_options=self._database.codec_options))

    async def watch(self, pipeline: Sequence[Mapping[str, Any]], max_await_time_ms: int) -> ChangeStream:
        """Open a change stream over all collections."""
        opening = self._database.watch(pipeline, max_await_time_ms=max_await_time_ms)
        return ChangeStream(self._calls, await self._calls(opening))


def _outcomes(answer: Document, number: int) -> list[Outcome]:
    """What a server says of each; a write concern that was not met leaves open what became of what it wrote."""
    written: Outcome = "unknown" if "writeConcernError" in answer else "inserted"
    outcomes = [written] * number
    for error in answer.get("writeErrors", ()):
        outcomes[error["index"]] = _refused(error) if error.get("code") == DOUBLE_KEY else "unknown"
    return outcomes


def _refused(error: Mapping[str, Any]) -> Outcome:
    return "double" if "_id" in error.get("keyPattern", {"_id": 1}) else "known"
