"""Probes: liveness, readiness and metrics for orchestrators and Prometheus."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response

from api.dependencies import PUBLIC
from api.http.problems import MEDIA_TYPE, response_of
from api.metrics import Metrics
from api.schemas.responses import Health
from api.services import provided
from callplane.contracts.errors import Problem

router = APIRouter(tags=["probes"], dependencies=[PUBLIC])


@router.get("/livez", summary="Is it alive")
async def livez() -> Health:
    """The event loop turns."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="May it get requests",
    response_model=Health,
    responses={503: {"description": "`unavailable`: it is draining", "content": {MEDIA_TYPE: {}}}},
)
async def readyz(request: Request, draining: Annotated[asyncio.Event, provided("draining")]) -> Health | Response:
    """False only while starting or draining: without a broker it still reads, and its writes say 503 themselves."""
    if draining.is_set():
        return response_of(Problem(code="unavailable", detail="It is draining."), request.scope)
    return Health(status="ready")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(counted: Annotated[Metrics, provided("metrics")]) -> Response:
    """Counts and times in Prometheus' text format."""
    return Response(counted.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
