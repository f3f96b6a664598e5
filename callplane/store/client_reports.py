"""Client reports: what a participant's client knows of its media, asked for by a server, kept for some minutes."""

import json
from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.store.decoding import read
from callplane.store.filters import younger_than
from callplane.store.mongo.database import Database, Document

KEPT_SECONDS = 600
ANSWERED_WITHIN = 60.0
"""Seconds in which an answer is taken; later nobody waits for it."""


class ClientReport(Wire):
    """The last question to one client, and its last answer, which may be to the question before."""

    participant_id: ParticipantId = Field(alias="_id")
    asked_at: datetime
    answered_at: datetime | None = None
    report: dict[str, Any] | None = None

    @field_validator("report", mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value


class ClientReports:
    """One document for each participant that was asked of late; each method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["client_reports"]

    async def ask(self, session_id: SessionId, participant_id: ParticipantId, question: str) -> None:
        """Take an answer to this question, and to none before it; the last answer stays until there is another."""
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": KEPT_SECONDS}}
        asked = {"session_id": session_id, "question": question, "asked_at": "$$NOW", "expires_at": until}
        await self._collection.update_one({"_id": participant_id}, [{"$set": asked}], upsert=True)

    async def answer(
        self, session_id: SessionId, participant_id: ParticipantId, question: str, report: dict[str, Any]
    ) -> bool:
        """Keep what a client has answered, once; False: nobody has asked that, or too long ago."""
        where: Document = {"_id": participant_id, "session_id": session_id, "question": question}
        # As text: it comes back as it came, whatever its free JSON has in it.
        text = {"$literal": json.dumps(report, ensure_ascii=False)}
        kept = {"report": text, "answered_at": "$$NOW", "question": "$$REMOVE"}
        fresh = {**where, **younger_than("asked_at", ANSWERED_WITHIN)}
        return (await self._collection.update_one(fresh, [{"$set": kept}])).modified_count == 1

    async def find(self, session_id: SessionId, participant_id: ParticipantId) -> ClientReport | None:
        """What was asked, and what has come; None: nobody has asked of late."""
        found = await self._collection.find_one({"_id": participant_id, "session_id": session_id})
        return None if found is None else read(ClientReport, found, self._collection)
