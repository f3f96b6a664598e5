"""Webhook deliveries over HTTP: list, look at attempts, send one or a span again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.routes.webhooks import HookRequest, StoredHooks, WebhookPath
from api.schemas.webhooks import (
    AttemptList,
    DeliveriesQuery,
    DeliveryList,
    DeliveryView,
    ReplayBody,
    Replayed,
    attempts_of,
    delivery_view,
)
from callplane.contracts import bounds
from callplane.store.webhook_deliveries import STATES, Span

router = APIRouter(tags=["webhooks"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/webhooks/{webhook_id}")

DeliveryPath = Annotated[bounds.DeliveryId, Path(description="the delivery's id")]


@router.get("/deliveries", summary="List deliveries", responses=problems("not-found"))
async def list_deliveries(
    webhook_id: WebhookPath, query: Annotated[DeliveriesQuery, Query()], request: HookRequest, hooks: StoredHooks
) -> DeliveryList:
    """What was or is to be sent, the oldest or the newest first, for as long as it is kept."""
    tenant = request.permit(Permissions.hook)
    states = (query.state,) if query.state else STATES
    span = Span(webhook_id, states, after=query.after, newest=query.order == "newest")
    found = await hooks.deliveries(tenant.reach, span, query.limit)
    shown = [delivery_view(one) for one in found]
    return DeliveryList(deliveries=shown, next=found[-1].n if len(found) == query.limit else None)


@router.get("/deliveries/{delivery_id}", summary="Look at a delivery", responses=problems("not-found"))
async def look(
    webhook_id: WebhookPath, delivery_id: DeliveryPath, request: HookRequest, hooks: StoredHooks
) -> DeliveryView:
    """Whether it is delivered, and what the last attempt brought."""
    tenant = request.permit(Permissions.hook)
    return delivery_view(await hooks.delivery(webhook_id, tenant.reach, delivery_id))


@router.get("/deliveries/{delivery_id}/attempts", summary="List attempts", responses=problems("not-found"))
async def list_attempts(
    webhook_id: WebhookPath, delivery_id: DeliveryPath, request: HookRequest, hooks: StoredHooks
) -> AttemptList:
    """The last twenty, the oldest first."""
    tenant = request.permit(Permissions.hook)
    return attempts_of(await hooks.delivery(webhook_id, tenant.reach, delivery_id))


@router.post(
    "/deliveries/{delivery_id}/replay", status_code=202, summary="Send one again", responses=problems("not-found")
)
async def replay(
    webhook_id: WebhookPath, delivery_id: DeliveryPath, request: HookRequest, hooks: StoredHooks
) -> DeliveryView:
    """Under the same `webhook-id`, whether it was delivered or is dead; one that is pending is sent at once."""
    tenant = request.permit(Permissions.hook)
    await request.require_connected()
    return delivery_view(await hooks.replay(webhook_id, tenant.reach, delivery_id))


@router.post("/replay", status_code=202, summary="Send a span again", responses=problems("not-found"))
async def replay_span(webhook_id: WebhookPath, body: ReplayBody, request: HookRequest, hooks: StoredHooks) -> Replayed:
    """Those stored `from` then `to` then, 500 at a time: where there is a `next`, ask again with it as `after`."""
    tenant = request.permit(Permissions.hook)
    await request.require_connected()
    span = Span(webhook_id, tuple(body.states), body.start, body.end, body.after)
    replayed, following = await hooks.replay_span(tenant.reach, span)
    return Replayed(replayed=replayed, next=following)
