"""Webhooks: the endpoints of tenants, with their secrets, as routes change them and the webhook program reads them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from callplane.contracts.model import Wire
from callplane.contracts.webhooks import WebhookId
from callplane.store.decoding import page, read
from callplane.store.mongo.database import Database, Document

SECRETS_KEPT = 3
"""Of an endpoint: the one that signs alone in the end, and those of before while their overlap lasts."""

WebhookState = Literal["active", "disabled"]


class WebhookSecret(Wire):
    """One secret; ``until`` ends the overlap of one that was replaced."""

    id: str
    value: str
    until: datetime | None = None


class Webhook(Wire):
    """An endpoint."""

    id: WebhookId = Field(alias="_id")
    tenant: str
    url: str
    types: list[str]
    state: WebhookState = "active"
    reason: str | None = None
    """Why it is disabled: ``gone`` when it has answered 410."""
    secrets: list[WebhookSecret]
    created_at: datetime | None = None

    def wants(self, event_type: str, tenant: str | None) -> bool:
        """Whether an event of this type goes to it; what is of no tenant goes to all (decision 12)."""
        return tenant in (None, self.tenant) and ("*" in self.types or event_type in self.types)

    def valid_secrets(self, now: datetime) -> list[str]:
        """Those that sign, the newest first."""
        return [secret.value for secret in self.secrets if secret.until is None or secret.until > now]


class Webhooks:
    """One document per endpoint; each method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["webhooks"]

    async def add(self, webhook: Webhook) -> bool:
        """Insert it; False: one with this id is there, of a repeat of the same request."""
        document = webhook.model_dump(by_alias=True)
        del document["created_at"]
        try:
            await self._collection.update_one(
                {"_id": webhook.id, "tenant": {"$exists": False}},
                {"$setOnInsert": document, "$currentDate": {"created_at": True}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def find(self, webhook_id: WebhookId, tenant: str | None) -> Webhook | None:
        """One that this tenant reaches (None: any tenant's)."""
        found = await self._collection.find_one({"_id": webhook_id, **_of(tenant)})
        return None if found is None else read(Webhook, found, self._collection)

    async def all(self, tenant: str | None, limit: int = 0) -> list[Webhook]:
        """Those of a tenant (None: all tenants'), by their ids."""
        return await page(Webhook, _of(tenant), self._collection, order="_id", limit=limit)

    async def active(self) -> list[Webhook]:
        """Those that events go to."""
        return await page(Webhook, {"state": "active"}, self._collection)

    async def count(self, tenant: str) -> int:
        """How many a tenant has."""
        return await self._collection.count_documents({"tenant": tenant})

    async def change(self, webhook_id: WebhookId, tenant: str | None, fields: Mapping[str, Any]) -> Webhook | None:
        """Set these fields; one that is made active has no reason any more."""
        changed = {**fields, **({"reason": None} if "state" in fields else {})}
        return await self._update({"_id": webhook_id, **_of(tenant)}, {"$set": changed})

    async def disable(self, webhook: Webhook, reason: str) -> bool:
        """Send it nothing more; False: it is disabled already, gone, or at another URL by now."""
        where: Document = {"_id": webhook.id, "state": "active", "url": webhook.url}
        done = await self._collection.update_one(where, {"$set": {"state": "disabled", "reason": reason}})
        return done.modified_count == 1

    async def rotate(
        self, webhook_id: WebhookId, tenant: str | None, secret: WebhookSecret, overlap: int
    ) -> Webhook | None:
        """Sign with a new secret, and with the present ones for ``overlap`` seconds more. Again, by its id: nothing."""
        end = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": overlap}}
        until = {"$cond": [{"$lt": [{"$ifNull": ["$$old.until", end]}, end]}, "$$old.until", end]}
        older = {"$map": {"input": "$secrets", "as": "old", "in": {"$mergeObjects": ["$$old", {"until": until}]}}}
        newest = [{"$literal": secret.model_dump()}]
        secrets = {"$slice": [{"$concatArrays": [newest, older]}, SECRETS_KEPT]}
        where: Document = {"_id": webhook_id, "secrets.id": {"$ne": secret.id}, **_of(tenant)}
        changed = await self._update(where, [{"$set": {"secrets": secrets}}])
        return changed or await self.find(webhook_id, tenant)

    async def remove(self, webhook_id: WebhookId, tenant: str | None) -> bool:
        """Delete it; False: there is none that this tenant reaches."""
        return (await self._collection.delete_one({"_id": webhook_id, **_of(tenant)})).deleted_count == 1

    async def _update(self, where: Document, update: Any) -> Webhook | None:
        options = {"return_document": ReturnDocument.AFTER}
        found = await self._collection.find_one_and_update(where, update, **options)
        return None if found is None else read(Webhook, found, self._collection)


def _of(tenant: str | None) -> Document:
    return {} if tenant is None else {"tenant": tenant}
