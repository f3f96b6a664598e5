"""Tenants over HTTP: the quotas that are set for one, those in force, and what is taken of them."""

from typing import Annotated

from pydantic import Field

from api.schemas.bodies import PatchBody, Strict
from api.schemas.responses import View

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Rate = Annotated[float, Field(ge=0, le=1e6, strict=False)]


class QuotasBody(PatchBody):
    """The quotas to set; null: as the settings have it, 0: no bound."""

    sessions: Count | None = None
    """sessions that are open at one time"""
    seats: Count | None = None
    """seats that are taken at one time, in all its sessions"""
    requests: Rate | None = None
    """requests a second, on each pod"""
    deliveries: Rate | None = None
    """deliveries of signals a second, on each pod"""
    identity_sessions: Count | None = None
    """sessions that are open and were made by one identity's access tokens"""
    identity_seats: Count | None = None
    """seats that one identity has taken at one time"""
    identity_requests: Rate | None = None
    """requests a second of one identity, on each pod"""
    identity_deliveries: Rate | None = None
    """deliveries a second of one identity's signals, on each pod"""


class TenantBody(Strict):
    """Of ``PATCH /tenants/{tenant}``."""

    quotas: QuotasBody
    """those that are named change"""


class QuotasView(View):
    """Quotas in force; 0: no bound."""

    sessions: int
    """sessions that are open at one time"""
    seats: int
    """seats that are taken at one time, in all its sessions"""
    requests: float
    """requests a second, on each pod"""
    deliveries: float
    """deliveries of signals a second, on each pod"""
    identity_sessions: int
    """sessions that are open and were made by one identity's access tokens"""
    identity_seats: int
    """seats that one identity has taken at one time"""
    identity_requests: float
    """requests a second of one identity, on each pod"""
    identity_deliveries: float
    """deliveries a second of one identity's signals, on each pod"""


class TenantSummary(View):
    """A tenant with quotas of its own."""

    tenant: str
    """what it is called"""
    quotas: QuotasView
    """those in force"""
    own: list[str]
    """which of them are its own; the others are of the settings"""


class UsedView(View):
    """What is taken now, of what can be counted."""

    sessions: int
    """its open sessions"""
    seats: int
    """taken seats in all of them"""


class TenantView(TenantSummary):
    """A tenant, what it is given, and what it has taken of that."""

    used: UsedView
    """counted for this answer"""


class TenantList(View):
    """The tenants that have quotas of their own."""

    tenants: list[TenantSummary]
    """by name"""
    defaults: QuotasView
    """what all others have, by the settings"""
