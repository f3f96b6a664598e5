"""Webhooks over HTTP: endpoints, their deliveries, and what may be asked of both."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.bodies import DateTime, PatchBody, Strict
from api.schemas.responses import View
from callplane.contracts import bounds
from callplane.contracts.model import Body
from callplane.contracts.webhooks import SECRET_CHARACTERS
from callplane.store.webhook_deliveries import Delivery, DeliveryState
from callplane.store.webhooks import Webhook, WebhookState

WebhookType = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9.-]{0,127})$")]
Types = Annotated[
    list[WebhookType],
    Field(min_length=1, max_length=bounds.WEBHOOK_TYPES, description="types of events; `*` for all of them"),
]
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(description="where events are posted: https, on port 443 or from 1024 on, without a user"),
]
Secret = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=SECRET_CHARACTERS)] | None,
    Field(repr=False, description="your own: `whsec_` and the base64 of 24 to 64 random bytes; without it one is made"),
]
Settled = Literal["delivered", "dead"]
Place = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,64}$")]

_WEBHOOK: dict[str, Any] = {
    "id": "01980000-0000-7000-8000-000000000000",
    "url": "https://hooks.example.com/callplane",
    "types": ["participant-joined", "participant-left"],
    "state": "active",
    "reason": None,
    "created_at": "2026-01-05T09:00:00Z",
    "old_secrets_until": None,
}
_DELIVERY: dict[str, Any] = {
    "id": "6a2f41a3-c54c-5ce8-9fd4-0ab2c33e7d05",
    "event_id": "01980000-0000-7000-8000-000000000000",
    "type": "participant-joined",
    "state": "delivered",
    "tries": 1,
    "at": "2026-01-05T09:30:00Z",
    "last_status": 200,
    "last_error": None,
}


class WebhookBody(Strict):
    """Of ``POST /webhooks``."""

    url: Url
    types: Types = Field(default_factory=lambda: ["*"])
    secret: Secret = None


class PatchWebhookBody(PatchBody):
    """Of ``PATCH /webhooks/{id}``."""

    url: Url = ""
    types: Types = Field(default_factory=lambda: ["*"])
    state: WebhookState = Field(default="active", description="`disabled`: nothing is sent to it, or kept for it")


class RotateBody(Strict):
    """Of ``POST /webhooks/{id}/rotate``."""

    overlap: int = Field(
        default=86_400, ge=0, le=604_800, description="seconds in which the secrets of before sign as well"
    )
    secret: Secret = None


class DeliveriesQuery(Body):
    """Of ``GET /webhooks/{id}/deliveries``: in an order, behind a place."""

    state: Annotated[DeliveryState | None, Field(description="only those in this state")] = None
    order: Annotated[Literal["oldest", "newest"], Field(description="which come first")] = "oldest"
    after: Annotated[Place | None, Field(description="the `next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=500, description="at most so many")] = 100


class ReplayBody(Strict):
    """Of ``POST /webhooks/{id}/replay``: deliveries stored from then until then, in these states."""

    start: DateTime | None = Field(default=None, alias="from", description="stored then or later")
    end: DateTime | None = Field(default=None, alias="to", description="stored before then")
    states: Annotated[list[Settled], Field(min_length=1, max_length=2)] = Field(
        default=["dead"], description="in one of these states"
    )
    after: Place | None = Field(default=None, description="the `next` of the answer before")


class WebhookView(View):
    """An endpoint, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WEBHOOK]})

    id: str = Field(description="its id")
    url: str = Field(description="where events are posted")
    types: list[str] = Field(description="types of events; `*` for all of them")
    state: WebhookState = Field(description="`disabled`: nothing is sent to it")
    reason: str | None = Field(description="why it is disabled: `gone`, for it has answered 410; else null")
    created_at: datetime | None = Field(description="when it was made")
    old_secrets_until: datetime | None = Field(
        description="until when secrets of before the last rotation sign as well"
    )


class WebhookWithSecret(WebhookView):
    """An endpoint at its creation or rotation, when its secret is shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_WEBHOOK, "secret": "whsec_…"}]})

    secret: str = Field(description="what its signatures are verified with (Standard Webhooks); not shown again")


class WebhookList(View):
    """The endpoints of a tenant, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"webhooks": [_WEBHOOK]}]})

    webhooks: list[WebhookView] = Field(description="the oldest first")


class DeliveryView(View):
    """One event on its way to one endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: str = Field(description="its id")
    event_id: str = Field(description="the event's id, and `webhook-id` of every attempt")
    type: str = Field(description="the event's type")
    state: DeliveryState = Field(description="`dead` after three days of failures: only a replay sends it again")
    tries: int = Field(description="attempts so far")
    at: datetime | None = Field(description="since when it is stored")
    last_status: int | None = Field(description="what the last attempt was answered; null: nothing")
    last_error: str | None = Field(description="what was wrong with it besides")


class DeliveryList(View):
    """Deliveries, in the order that was asked for; `next` is the place of the page after it, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deliveries": [_DELIVERY], "next": None}]})

    deliveries: list[DeliveryView] = Field(description="the oldest first, if nothing else was asked for")
    next: str | None = Field(description="as `after` it gives the next page; null: this was the last")


class AttemptView(View):
    """One request, and what came of it."""

    at: datetime = Field(description="when it was begun")
    milliseconds: int = Field(description="how long it took")
    status: int | None = Field(description="what it was answered; null: nothing")
    error: str | None = Field(description="what was wrong besides: no answer in time, a certificate that does not fit")


class AttemptList(View):
    """The last attempts to send a delivery, the oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"attempts": [{"at": "2026-01-05T09:30:00Z", "milliseconds": 84, "status": 500, "error": None}]}
            ]
        }
    )

    attempts: list[AttemptView] = Field(description="the last twenty, the oldest first")


class Replayed(View):
    """How many are sent again; `next` is where to go on, null: that was all of the span."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"replayed": 12, "next": None}]})

    replayed: int = Field(description="how many are sent again")
    next: str | None = Field(description="as `after` it goes on from here; null: that was all")


def webhook_view(webhook: Webhook) -> WebhookView:
    """As its tenant sees it."""
    return WebhookView(**_fields(webhook))


def webhook_with_secret(webhook: Webhook) -> WebhookWithSecret:
    """The same, once, with the secret that it signs with from now on."""
    return WebhookWithSecret(**_fields(webhook), secret=webhook.secrets[0].value)


def _fields(webhook: Webhook) -> dict[str, Any]:
    shown = webhook.model_dump(include={"id", "url", "types", "state", "reason", "created_at"})
    return {**shown, "old_secrets_until": max((one.until for one in webhook.secrets if one.until), default=None)}


def delivery_view(delivery: Delivery) -> DeliveryView:
    """As its tenant sees it."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return DeliveryView(
        **delivery.model_dump(include={"id", "event_id", "type", "state", "tries", "at"}),
        last_status=last.status if last else None,
        last_error=last.error if last else None,
    )


def attempts_of(delivery: Delivery) -> AttemptList:
    """Those that are kept."""
    return AttemptList(attempts=[AttemptView(**one.model_dump()) for one in delivery.attempts])
