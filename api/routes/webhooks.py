"""Webhooks over HTTP: make, list, look, change, test, rotate, remove."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed, idempotent
from api.dispatch.hooks import Hooks
from api.guarded_route import GuardedRoute
from api.http.openapi import headed, problems
from api.schemas.webhooks import (
    DeliveryView,
    PatchWebhookBody,
    RotateBody,
    WebhookBody,
    WebhookList,
    WebhookView,
    WebhookWithSecret,
    delivery_view,
    webhook_view,
    webhook_with_secret,
)
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.webhooks import WebhookId

router = APIRouter(tags=["webhooks"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/webhooks")

WebhookPath = Annotated[bounds.WebhookId, Path(description="the webhook's id")]
HookRequest = Annotated[ApiRequest, allowed(Permissions.hook)]
HookCommand = Annotated[ApiRequest, idempotent(Permissions.hook)]
StoredHooks = Annotated[Hooks, provided("hooks")]


@router.get("", summary="List webhooks", responses=problems())
async def list_webhooks(request: HookRequest, hooks: StoredHooks) -> WebhookList:
    """Those of the caller's tenant, the oldest first."""
    tenant = request.permit(Permissions.hook)
    return WebhookList(webhooks=[webhook_view(one) for one in await hooks.all(tenant.reach)])


@router.post(
    "",
    status_code=201,
    summary="Make a webhook",
    responses={
        **problems("wrong-state", "key-reused"),
        **headed(201, "Location"),
        200: {**headed(200, "Location")[200], "model": WebhookWithSecret, "description": "A repeat: it was there"},
    },
)
async def make(body: WebhookBody, request: HookCommand, hooks: StoredHooks) -> WebhookWithSecret:
    """Events are posted to its URL from now on, signed (Standard Webhooks) with the secret that only this shows:
    yours, or one that is made.
    """
    tenant = request.permit(Permissions.hook)
    made, _ = await request.claim_key(body)
    webhook, created = await hooks.create(WebhookId(made), tenant.own, body.url, body.types, body.secret)
    request.response.status_code = 201 if created else 200
    request.response.headers["Location"] = request.asked_at(f"/webhooks/{webhook.id}")
    request.response.headers["Cache-Control"] = "no-store"
    return webhook_with_secret(webhook)


@router.get("/{webhook_id}", summary="Look at a webhook", responses=problems("not-found"))
async def look(webhook_id: WebhookPath, request: HookRequest, hooks: StoredHooks) -> WebhookView:
    """Where it goes, for which events, and whether it is active; never its secret."""
    tenant = request.permit(Permissions.hook)
    return webhook_view(await hooks.find(webhook_id, tenant.reach))


@router.patch("/{webhook_id}", summary="Change a webhook", responses=problems("not-found"))
async def change(
    webhook_id: WebhookPath, body: PatchWebhookBody, request: HookRequest, hooks: StoredHooks
) -> WebhookView:
    """A disabled one is sent nothing, and no new delivery is kept for it; made active, what had waited goes on."""
    tenant = request.permit(Permissions.hook)
    await request.require_connected()
    return webhook_view(await hooks.change(webhook_id, tenant.reach, body.changes()))


@router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook", responses=problems("not-found"))
async def remove(webhook_id: WebhookPath, request: HookRequest, hooks: StoredHooks) -> None:
    """With its deliveries, sent or not."""
    tenant = request.permit(Permissions.hook)
    await request.require_connected()
    await hooks.remove(webhook_id, tenant.reach)


@router.post(
    "/{webhook_id}/test", status_code=202, summary="Test a webhook", responses=problems("not-found", "wrong-state")
)
async def test(webhook_id: WebhookPath, request: HookRequest, hooks: StoredHooks) -> DeliveryView:
    """Send an event of type `webhook-test`, whatever types it is for; its delivery shows what came of it."""
    tenant = request.permit(Permissions.hook)
    await request.require_connected()
    return delivery_view(await hooks.test(webhook_id, tenant.reach))


@router.post("/{webhook_id}/rotate", summary="Rotate a secret", responses=problems("not-found", "key-reused"))
async def rotate(
    webhook_id: WebhookPath, body: RotateBody, request: HookCommand, hooks: StoredHooks
) -> WebhookWithSecret:
    """A new secret, yours or one that is made; until `overlap` is over each request bears two signatures, and either
    secret verifies it.
    """
    tenant = request.permit(Permissions.hook)
    secret_id, _ = await request.claim_key(body)
    request.response.headers["Cache-Control"] = "no-store"
    return webhook_with_secret(await hooks.rotate(webhook_id, tenant.reach, secret_id, body.overlap, body.secret))
