"""Signatures of webhooks: the three headers of Standard Webhooks, one signature for each secret that is valid."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from callplane.contracts.webhooks import SECRET_PREFIX


def signed_headers(delivered_id: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Headers for one attempt; several secrets are several signatures, any of which a receiver may know."""
    signed = f"{delivered_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": delivered_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
