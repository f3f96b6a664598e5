"""ICE servers: STUN and TURN for browsers, with time-limited credentials (coturn's `use-auth-secret`)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.settings import Settings


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


class IceServers:
    """What a browser is given: the servers of the settings, and TURN with a credential of its own."""

    def __init__(self, settings: Settings) -> None:
        self._servers = settings.ice_servers
        self._turn = TurnCredentials(settings.turn_urls, settings.turn_secret, settings.turn_seconds)

    def for_user(self, user: str, now: datetime) -> list[dict[str, Any]]:
        """Each an RTCIceServer dictionary."""
        return [*self._servers, *([self._turn.ice_server(user, now)] if self._turn.urls else [])]
