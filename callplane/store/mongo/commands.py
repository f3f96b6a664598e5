"""Commands: sent as they are given, and once more where the answer was lost; the server remembers nothing of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bson import Int64
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.mongo_client import AsyncMongoClient
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

Document = dict[str, Any]

DOUBLE_KEY = 11000

_AS_MANY_AS_FIT = 2**31 - 1
"""Documents in a page, of which the server makes as many as 16 MiB hold."""


class ClientSessions:
    """A client's sessions, as MongoDB calls what each command bears the id of; each is of one command at a time.

    They are kept for the next: who gives PyMongo none has one made, for a fifth of what a command costs (measured).
    To what is sent here its session means nothing, but to pages: those of a query bear the same.
    """

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._free: list[AsyncClientSession] = []

    @contextmanager
    def one(self) -> Iterator[AsyncClientSession]:
        """One for the block. Where no answer came the server may be at work yet, and no other command gets it."""
        session = self._free.pop() if self._free else self._client.start_session(causal_consistency=False)
        try:
            yield session
        except OperationFailure:
            self._free.append(session)
            raise
        self._free.append(session)


class Commands:
    """Commands about one collection, with its concerns."""

    def __init__(self, collection: AsyncCollection[Document], sessions: ClientSessions) -> None:
        self._collection = collection
        self._sessions = sessions

    async def found(self, where: Mapping[str, Any], projection: Any = None) -> Document | None:
        """One document that matches."""
        shown = {} if projection is None else {"projection": projection}
        found = await self.all_found({"filter": where, **shown, "limit": 1})
        return found[0] if found else None

    async def all_found(self, query: Document) -> list[Document]:
        """All that a query, with options as both MongoDB and PyMongo call them, has for an answer.

        Most is one page, for which a cursor of PyMongo costs a fifth more. What is more than fits into one is read by
        such a cursor: PyMongo gives every command a time limit, which MongoDB refuses for the pages that follow.
        """
        command = {"find": self._collection.name, **query, "batchSize": _AS_MANY_AS_FIT}
        with self._sessions.one() as session:
            concern = {"readConcern": self._collection.read_concern.document}
            cursor = (await self._repeated({**command, **concern}, session))[0]["cursor"]
            if not cursor["id"]:
                page: list[Document] = cursor["firstBatch"]
                return page
            await self._sent({"killCursors": self._collection.name, "cursors": [Int64(cursor["id"])]}, session)
        return await self._collection.find(**query).to_list()

    async def written(self, command: Document) -> tuple[Document, bool]:
        """The answer to a write as this collection has it written, and whether it was sent twice."""
        answer, again = await self._written(command)
        for failed in answer.get("writeErrors", ()):
            kind = DuplicateKeyError if failed["code"] == DOUBLE_KEY else OperationFailure
            raise kind(failed["errmsg"], failed["code"], failed)
        if unmet := answer.get("writeConcernError"):
            raise WriteConcernError(unmet["errmsg"], unmet["code"], unmet)
        return answer, again

    async def inserted(self, documents: Sequence[Document]) -> Document:
        """What the server says of each of several that have ids, and are in one another's way no more than alone.

        Of one that was sent twice it may say that its id is taken: by itself.
        """
        command = {"insert": self._collection.name, "documents": documents, "ordered": False}
        return (await self._written(command))[0]

    async def _written(self, command: Document) -> tuple[Document, bool]:
        with self._sessions.one() as session:
            return await self._repeated({**command, "writeConcern": self._collection.write_concern.document}, session)

    async def _repeated(self, command: Document, session: AsyncClientSession) -> tuple[Document, bool]:
        """Send it, and once more where the connection was lost, or another is the primary now: whether that was so."""
        try:
            return await self._sent(command, session), False
        except ServerSelectionTimeoutError:
            raise
        except ConnectionFailure as lost:
            if lost.timeout:
                raise
            return await self._sent(command, session), True

    async def _sent(self, command: Document, session: AsyncClientSession) -> Document:
        answer: Document = await self._collection.database.command(
            dict(command), codec_options=self._collection.codec_options, session=session
        )
        return answer
