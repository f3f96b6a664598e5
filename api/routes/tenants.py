"""Tenants over HTTP: the quotas of each, which operators set, and what is taken of them."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.auth.quotas import QuotasInForce
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.schemas.keys import KEY_NAME
from api.schemas.tenants import QuotasView, TenantBody, TenantList, TenantSummary, TenantView, UsedView
from api.services import provided
from callplane.contracts.quotas import Quotas
from callplane.contracts.refusals.operators import tenants_too_many
from callplane.store.quota_uses import QuotaUses
from callplane.store.quotas import MOST, StoredQuotas, TenantQuotas

router = APIRouter(tags=["tenants"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/tenants")

TenantPath = Annotated[str, Path(pattern=KEY_NAME, description="the tenant's name")]
Stored = Annotated[StoredQuotas, provided("stored_quotas")]
InForce = Annotated[QuotasInForce, provided("quotas")]
Uses = Annotated[QuotaUses, provided("quota_uses")]


@router.get("", summary="List tenants", responses=problems("not-found"))
async def list_tenants(
    request: Annotated[ApiRequest, allowed(Permissions.operate)], stored: Stored, in_force: InForce
) -> TenantList:
    """Those that have quotas of their own, and what all others have."""
    request.permit(Permissions.operate)
    tenants = [_summary(one, in_force) for one in await stored.all()]
    return TenantList(tenants=tenants, defaults=_shown(in_force.defaults))


@router.get("/{tenant}", summary="Look at a tenant", responses=problems("not-found"))
async def look(
    tenant: TenantPath,
    request: Annotated[ApiRequest, allowed(Permissions.see_tenant)],
    stored: Stored,
    in_force: InForce,
    uses: Uses,
) -> TenantView:
    """What it is given, and what it has taken of that; its own keys see it as well, and operators any."""
    request.permit(Permissions.see_tenant, tenant)
    own = await stored.find(tenant) or TenantQuotas(_id=tenant)
    used = UsedView(sessions=await uses.used("sessions", tenant), seats=await uses.used("seats", tenant))
    return TenantView(**dict(_summary(own, in_force)), used=used)


@router.patch("/{tenant}", summary="Change a tenant", responses=problems("not-found", "wrong-state"))
async def change(
    tenant: TenantPath,
    body: TenantBody,
    request: Annotated[ApiRequest, allowed(Permissions.operate)],
    stored: Stored,
    in_force: InForce,
) -> TenantSummary:
    """Set the quotas that are named: null is as the settings have it, 0 is no bound. Other pods follow within 2 s.

    What a tenant has taken before stays with it, also where that is more now.
    """
    request.permit(Permissions.operate)
    await request.require_connected()
    if await stored.is_one_too_many(tenant):
        raise tenants_too_many(MOST)
    changed = await stored.set(tenant, body.quotas.changes())
    await in_force.follow()
    return _summary(changed, in_force)


def _summary(own: TenantQuotas, in_force: QuotasInForce) -> TenantSummary:
    named = sorted(own.quotas.keys() & Quotas.model_fields.keys())
    return TenantSummary(tenant=own.tenant, quotas=_shown(in_force.over_defaults(own)), own=named)


def _shown(quotas: Quotas) -> QuotasView:
    return QuotasView.model_validate(quotas.model_dump())
