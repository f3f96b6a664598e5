"""Time-limited TURN credentials: coturn checks them with the shared secret alone (its `use-auth-secret`)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnCredentials:
    """Where the TURN servers are, the secret that they share with us, and how long a credential is good for."""

    urls: tuple[str, ...]
    secret: str
    seconds: int

    def ice_server(self, user: str, now: datetime) -> dict[str, Any]:
        """An RTCIceServer whose credential ends ``seconds`` from now.

        coturn reads the end from the username, before the colon, and computes the same HMAC. It is SHA-1 there,
        and in the REST draft that it follows; as a MAC that is not broken.
        """
        username = f"{int(now.timestamp()) + self.seconds}:{user}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return {"urls": list(self.urls), "username": username, "credential": base64.b64encode(digest).decode()}
