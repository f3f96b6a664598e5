"""Quotas of tenants, as operators have set them; those that nobody has set are the defaults of settings."""

from collections.abc import Mapping

from pydantic import Field
from pymongo import ReturnDocument

from callplane.contracts.model import Wire
from callplane.contracts.quotas import Quotas
from callplane.store.decoding import page, read
from callplane.store.mongo.database import Database

MOST = 1000
"""Tenants with quotas of their own that pods follow; no more are given any."""


class TenantQuotas(Wire):
    """Of one tenant: the quotas that were set, by name; others are the defaults'."""

    tenant: str = Field(alias="_id")
    quotas: dict[str, float] = Field(default_factory=dict)

    def over(self, defaults: Quotas) -> Quotas:
        """What is in force."""
        known = {name: bound for name, bound in self.quotas.items() if name in Quotas.model_fields}
        return Quotas.model_validate({**defaults.model_dump(), **known})


class StoredQuotas:
    """One document per tenant that has any; each call raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["tenants"]

    async def all(self) -> list[TenantQuotas]:
        """Those that there are, by tenant."""
        return await page(TenantQuotas, {}, self._collection, order="_id", limit=MOST)

    async def find(self, tenant: str) -> TenantQuotas | None:
        """Those of one; None: nobody has set any."""
        found = await self._collection.find_one({"_id": tenant})
        return None if found is None else read(TenantQuotas, found, self._collection)

    async def set(self, tenant: str, changes: Mapping[str, float | None]) -> TenantQuotas:
        """Change the quotas that are named; None: as the defaults have it."""
        named = {f"quotas.{name}": bound for name, bound in changes.items()}
        update = {
            "$set": {field: bound for field, bound in named.items() if bound is not None},
            "$unset": {field: "" for field, bound in named.items() if bound is None},
        }
        found = await self._collection.find_one_and_update(
            {"_id": tenant},
            {operator: fields for operator, fields in update.items() if fields},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert found is not None
        return read(TenantQuotas, found, self._collection)

    async def is_one_too_many(self, tenant: str) -> bool:
        """Whether this one would be more than are followed."""
        others = await self._collection.count_documents({"_id": {"$ne": tenant}})
        return others >= MOST
