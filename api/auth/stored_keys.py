"""API keys of the database as one pod knows them: read again each second, so that a revoked one ends within two."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from callplane.store.api_keys import ApiKey, ApiKeys, digest

FOLLOW_SECONDS = 1.0
READ_WITHIN = 10.0


class StoredKeys:
    """Those of the last look; while the database is away, what it said last goes on."""

    def __init__(self, stored: ApiKeys, now: Callable[[], datetime], token_secrets: tuple[str, ...]) -> None:
        self._stored = stored
        self._now = now
        self._token_secrets = token_secrets
        self._by_name: dict[str, ApiKey] = {}
        self._by_secret: dict[str, tuple[ApiKey, datetime | None]] = {}
        """Hash of a secret → its key, and when that secret ends."""
        self._looks = 0
        """How many were begun."""
        self._taken = 0
        """Which of them said what is known: one that was begun before it and comes after it knows less."""

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            await self.follow()

    async def follow(self) -> None:
        """Read all of them. Raises Unavailable."""
        self._looks += 1
        look = self._looks
        async with asyncio.timeout(READ_WITHIN):
            found = await self._stored.all()
        if look > self._taken:
            self._taken = look
            self._take(found)

    def _take(self, keys: list[ApiKey]) -> None:
        self._by_name = {key.name: key for key in keys}
        self._by_secret = {secret.hash: (key, secret.until) for key in keys for secret in key.secrets}

    def of_secret(self, secret: str) -> ApiKey | None:
        """The key of a secret that is good now.

        Looked up by its hash: how long that takes tells nothing of a secret that somebody guesses at.
        """
        found, until = self._by_secret.get(digest(secret), (None, None)) if self._by_secret else (None, None)
        return None if until is not None and until <= self._now() else found

    def named(self, name: str) -> ApiKey | None:
        """The key of this name."""
        return self._by_name.get(name)

    def signers(self, key: ApiKey) -> list[str]:
        """What signs the access tokens of a key, the first, and what else verifies them.

        Not the key's own secret, which nobody keeps: ours, for this key alone. Another key that is made under the name
        of a revoked one, perhaps another tenant's, vouches for none of its tokens.
        """
        said = f"access:{key.name}:{key.created_at.timestamp():.3f}".encode()
        return [hmac.new(one.encode(), said, sha256).hexdigest() for one in self._token_secrets]
