"""API keys of the database: made, rotated and revoked while programs run; of their secrets hashes alone are kept."""

import hashlib
from datetime import datetime

from pydantic import Field
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from callplane.contracts.model import Wire
from callplane.store.decoding import page, read
from callplane.store.mongo.database import Database

MOST = 1000
"""Keys that pods follow; no more are made."""

SECRETS_KEPT = 4
"""Secrets of one key: the newest, and those that a rotation lets end; more rotations in one overlap end the oldest."""


class KeptSecret(Wire):
    """One secret of a key, as it is kept."""

    hash: str
    until: datetime | None = None
    """When it ends; null: not by itself."""


class ApiKey(Wire):
    """A key, with the secrets by which it is known, the newest first."""

    name: str = Field(alias="_id")
    tenant: str
    operator: bool = False
    secrets: list[KeptSecret] = Field(default_factory=list)
    created_at: datetime


class ApiKeys:
    """One document per key; each call raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["api_keys"]

    async def all(self) -> list[ApiKey]:
        """Those that there are, by name."""
        return await page(ApiKey, {}, self._collection, order="_id", limit=MOST)

    async def make(self, name: str, tenant: str, *, operator: bool, secret: str) -> ApiKey | None:
        """A new one; None where there is one of this name."""
        made = {
            "tenant": {"$literal": tenant},
            "operator": operator,
            "secrets": [{"hash": digest(secret), "until": None}],
            "created_at": "$$NOW",
        }
        is_new = {"_id": name, "created_at": {"$exists": False}}
        try:
            found = await self._collection.find_one_and_update(
                is_new, [{"$set": made}], upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return None
        return None if found is None else read(ApiKey, found, self._collection)

    async def rotate(self, name: str, secret: str, overlap: int) -> ApiKey | None:
        """A new secret; those before it end after ``overlap`` seconds, or when they would have. None: no such key."""
        end = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": overlap}}
        sooner = {"$min": [{"$ifNull": ["$$one.until", end]}, end]}
        lasting = {
            "$filter": {
                "input": "$secrets",
                "as": "one",
                "cond": {"$or": [{"$eq": ["$$one.until", None]}, {"$gt": ["$$one.until", "$$NOW"]}]},
            }
        }
        ending = {"$map": {"input": lasting, "as": "one", "in": {"hash": "$$one.hash", "until": sooner}}}
        newest = [{"hash": digest(secret), "until": None}]
        secrets = {"$slice": [{"$concatArrays": [newest, ending]}, SECRETS_KEPT]}
        found = await self._collection.find_one_and_update(
            {"_id": name}, [{"$set": {"secrets": secrets}}], return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(ApiKey, found, self._collection)

    async def revoke(self, name: str) -> bool:
        """Forget it; False where there is none."""
        return (await self._collection.delete_one({"_id": name})).deleted_count == 1

    async def count(self) -> int:
        """How many there are."""
        return await self._collection.count_documents({})


def digest(secret: str) -> str:
    """A plain hash is enough: what it hides is random, not a word that could be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
