"""Webhooks of a receiver: verifies who has sent a request and when (Standard Webhooks), and reads its event."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from callplane_client.errors import CallplaneError

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"
VERSION = "v1"


class NotVerified(CallplaneError):
    """A request that nobody who knows the secret has sent just now: answer it with 400, and do nothing else."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event; it may come again, under the same id."""

    id: str
    """The same at every attempt and replay: who has dealt with it drops it."""
    sent_at: datetime
    """When this attempt was made."""
    type: str
    data: dict[str, Any]
    """What the event is about."""
    body: dict[str, Any] = field(repr=False)
    """All of it."""


class WebhookVerifier:
    """Knows the secrets of a webhook: one, or several while they are rotated."""

    def __init__(self, *secrets: str, tolerance: float = TOLERANCE_SECONDS) -> None:
        """``secrets``: ``whsec_…``, as the API shows them when the webhook is made or rotated."""
        if not secrets:
            raise ValueError("a verifier needs a secret")
        self._keys = [_key(secret) for secret in secrets]
        self._tolerance = tolerance

    def verify(self, headers: Mapping[str, str], body: bytes | str) -> WebhookEvent:
        """The event of a request, by its headers and its body as it came. Raises NotVerified."""
        raw = body.encode() if isinstance(body, str) else body
        said = {name.lower(): value for name, value in headers.items()}
        try:
            message_id, timestamp, signatures = (said[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        except KeyError as missing:
            raise NotVerified(f"there is no header {missing}") from None
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            raise NotVerified("webhook-timestamp is no number of seconds")
        if abs(time.time() - int(timestamp)) > self._tolerance:
            raise NotVerified("it was sent too long ago, or one of the clocks is wrong")
        signed = f"{message_id}.{timestamp}.".encode() + raw
        if not any(_is_signed(signed, each, key) for each in signatures.split() for key in self._keys):
            raise NotVerified("no signature is of a secret that is known here")
        return _event(message_id, int(timestamp), raw)


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a request, as Callplane sends them: for tests of a receiver, and for who passes events on."""
    signature = _signature(f"{message_id}.{timestamp}.".encode() + body, _key(secret))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"{VERSION},{signature}",
    }


def _is_signed(signed: bytes, said: str, key: bytes) -> bool:
    version, _, signature = said.partition(",")
    return version == VERSION and hmac.compare_digest(signature.encode(), _signature(signed, key).encode())


def _signature(signed: bytes, key: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret of a webhook is whsec_ and base64") from None


def _event(message_id: str, timestamp: int, raw: bytes) -> WebhookEvent:
    try:
        body = json.loads(raw)
    except ValueError:
        raise NotVerified("the body is no JSON") from None
    if not isinstance(body, dict):
        raise NotVerified("the body is no event")
    data = body.get("data")
    return WebhookEvent(
        id=message_id,
        sent_at=datetime.fromtimestamp(timestamp, UTC),
        type=str(body.get("type", "")),
        data=data if isinstance(data, dict) else {},
        body=body,
    )
