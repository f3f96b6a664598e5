"""Commands: sent as they are given, and once more where the answer was lost; the server remembers nothing of them."""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

Document = dict[str, Any]

_DOUBLE_KEY = 11000


class Commands:
    """Commands about one collection, with its concerns."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

    async def found(self, where: Mapping[str, Any], projection: Any = None) -> Document | None:
        """One document that matches."""
        shown = {} if projection is None else {"projection": projection}
        options = {"limit": 1, "singleBatch": True, "readConcern": self._collection.read_concern.document}
        answer, _ = await self._repeated({"find": self._collection.name, "filter": where, **shown, **options})
        batch: list[Document] = answer["cursor"]["firstBatch"]
        return batch[0] if batch else None

    async def written(self, command: Document) -> tuple[Document, bool]:
        """The answer to a write as this collection has it written, and whether it was sent twice."""
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
        for failed in answer.get("writeErrors", ()):
            kind = DuplicateKeyError if failed["code"] == _DOUBLE_KEY else OperationFailure
            raise kind(failed["errmsg"], failed["code"], failed)
        if unmet := answer.get("writeConcernError"):
            raise WriteConcernError(unmet["errmsg"], unmet["code"], unmet)
        return answer
