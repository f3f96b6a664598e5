"""Session graph: which connections carry the media of a session, and where, read without what is negotiated."""

from pydantic import Field

from callplane.contracts.ids import ConnectionId, SessionId
from callplane.contracts.operations import GraphConnection, GraphView
from callplane.store.decoding import readable
from callplane.store.mongo.database import Database, Document
from callplane.store.swept_connections import UNRELEASED

CONNECTIONS = 500
"""Named at most: a session of a hundred people may have ten thousand."""

_SHOWN: Document = {name: 1 for name in ("participant_id", "kind", "publisher", "state", "epoch")}


class _Found(GraphConnection):
    id: ConnectionId = Field(alias="_id")


class SessionGraph:
    """Reads a session's place and its connections, with one query of each."""

    def __init__(self, database: Database) -> None:
        self._sessions = database["sessions"]
        self._connections = database["connections"]

    async def of(self, session_id: SessionId, *, is_operator: bool) -> GraphView | None:
        """As of now; where its media is only operators are told. None: there is no such session. Raises Unavailable."""
        session = await self._sessions.find_one({"_id": session_id}, {"server": 1, "media": 1, "epoch": 1})
        if session is None:
            return None
        where: Document = {"session_id": session_id, "offered": True, **UNRELEASED}
        found = await self._connections.find(where, _SHOWN).limit(CONNECTIONS).to_list()
        all_of_them = len(found) < CONNECTIONS
        count = len(found) if all_of_them else await self._connections.count_documents(where)
        server = session.get("server") if is_operator and session.get("media") else None
        links = readable(_Found, found, self._connections)
        return GraphView(
            epoch=session["epoch"] if isinstance(session.get("epoch"), int) else 0,
            media_server=server if isinstance(server, str) else None,
            connections=[GraphConnection(**one.model_dump()) for one in links],
            more=max(0, count - len(found)),
        )
