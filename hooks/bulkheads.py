"""Bulkheads: how many requests each endpoint may have under way, so that one that hangs slows no other."""

from collections import Counter

from callplane.contracts.webhooks import WebhookId

REMEMBERED = 10_000


class Bulkheads:
    """Counts per endpoint; one that did not answer has a single request at a time until it does."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._held: Counter[WebhookId] = Counter()
        self._silent: dict[WebhookId, None] = {}
        """Endpoints whose last attempt brought no status."""

    @property
    def total(self) -> int:
        """Requests under way."""
        return self._held.total()

    def full(self) -> frozenset[WebhookId]:
        """Endpoints that may have no more."""
        return frozenset(webhook for webhook in self._held if not self._has_room(webhook))

    def enter(self, webhook: WebhookId) -> bool:
        """Take one of its places; False: there is none."""
        if not self._has_room(webhook):
            return False
        self._held[webhook] += 1
        return True

    def leave(self, webhook: WebhookId) -> None:
        """Give the place back."""
        self._held[webhook] -= 1
        if self._held[webhook] <= 0:
            del self._held[webhook]

    def answered(self, webhook: WebhookId, status: int | None) -> None:
        """What its last attempt has brought."""
        if status is not None:
            self._silent.pop(webhook, None)
            return
        self._silent[webhook] = None
        while len(self._silent) > REMEMBERED:
            del self._silent[next(iter(self._silent))]

    def _has_room(self, webhook: WebhookId) -> bool:
        return self._held[webhook] < (1 if webhook in self._silent else self._each)
