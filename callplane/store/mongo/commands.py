"""Commands: sent as they are given, and once more where the answer was lost; the server remembers nothing of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import Int64
from pymongo.asynchronous.collection import AsyncCollection
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


class Commands:
    """Commands about one collection, with its concerns."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

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
        concern = {"readConcern": self._collection.read_concern.document}
        answer, _ = await self._repeated(
            {"find": self._collection.name, **query, "batchSize": _AS_MANY_AS_FIT, **concern}
        )
        cursor = answer["cursor"]
        if not cursor["id"]:
            page: list[Document] = cursor["firstBatch"]
            return page
        await self._sent({"killCursors": self._collection.name, "cursors": [Int64(cursor["id"])]})
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
        return await self._repeated({**command, "writeConcern": self._collection.write_concern.document})

    async def _repeated(self, command: Document) -> tuple[Document, bool]:
        """Send it, and once more where the connection was lost, or another is the primary now: whether that was so."""
        try:
            return await self._sent(command), False
        except ServerSelectionTimeoutError:
            raise
        except ConnectionFailure as lost:
            if lost.timeout:
                raise
            return await self._sent(command), True

    async def _sent(self, command: Document) -> Document:
        answer: Document = await self._collection.database.command(
            dict(command), codec_options=self._collection.codec_options
        )
        return answer
