"""Webhooks of the client: endpoints, what became of each delivery, and sending again."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Unpack

from callplane_client.aio.http import AsyncCaller
from callplane_client.asking import Ask, path, said
from callplane_client.fields import Replay, WebhookFields
from callplane_client.shapes import Attempt, Delivery, Webhook

PAGE = 100


class AsyncWebhooks:
    """``webhooks`` of the client; ``callplane_client.webhooks`` verifies what they send."""

    def __init__(self, ask: AsyncCaller) -> None:
        self._ask = ask

    async def create(
        self,
        url: str,
        types: Sequence[str] = ("*",),
        *,
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> Webhook:
        """Have events posted there from now on, signed with your ``secret`` or one that this answer alone shows."""
        body = said(url=url, types=list(types), secret=secret)
        ask = Ask("POST", path("webhooks"), body, key=idempotency_key)
        return Webhook.model_validate(await self._ask(ask))

    async def list(self) -> Sequence[Webhook]:
        """Those of the tenant, the oldest first."""
        return [Webhook.model_validate(one) for one in (await self._ask(Ask("GET", path("webhooks"))))["webhooks"]]

    async def get(self, webhook_id: str) -> Webhook:
        """Where it goes, for which events, and whether it is active."""
        return Webhook.model_validate(await self._ask(Ask("GET", path("webhooks", webhook_id))))

    async def update(self, webhook_id: str, **fields: Unpack[WebhookFields]) -> Webhook:
        """Change what is named; ``state="disabled"`` sends and keeps nothing for it."""
        return Webhook.model_validate(await self._ask(Ask("PATCH", path("webhooks", webhook_id), fields)))

    async def delete(self, webhook_id: str) -> None:
        """Remove it, with its deliveries."""
        await self._ask(Ask("DELETE", path("webhooks", webhook_id)))

    async def test(self, webhook_id: str) -> Delivery:
        """Send an event of type ``webhook-test``; its delivery shows what came of it."""
        return Delivery.model_validate(await self._ask(Ask("POST", path("webhooks", webhook_id, "test"))))

    async def rotate(self, webhook_id: str, overlap: int = 86_400, *, secret: str | None = None) -> Webhook:
        """A new ``secret``, or yours; for so many seconds each request bears both signatures."""
        ask = Ask("POST", path("webhooks", webhook_id, "rotate"), said(overlap=overlap, secret=secret))
        return Webhook.model_validate(await self._ask(ask))

    async def deliveries(
        self, webhook_id: str, state: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Delivery]:
        """What was or is to be sent, the oldest first, page after page as they are asked for."""
        after: str | None = None
        left = limit
        while left is None or left > 0:
            query = {"state": state, "after": after, "limit": PAGE if left is None else min(PAGE, left)}
            page = await self._ask(Ask("GET", path("webhooks", webhook_id, "deliveries"), query=query))
            for one in page["deliveries"]:
                yield Delivery.model_validate(one)
            left = None if left is None else left - len(page["deliveries"])
            after = page["next"]
            if after is None:
                return

    async def attempts(self, webhook_id: str, delivery_id: str) -> Sequence[Attempt]:
        """The last attempts of one, the oldest first."""
        where = path("webhooks", webhook_id, "deliveries", delivery_id, "attempts")
        return [Attempt.model_validate(one) for one in (await self._ask(Ask("GET", where)))["attempts"]]

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send one again, under the id that it had."""
        where = path("webhooks", webhook_id, "deliveries", delivery_id, "replay")
        return Delivery.model_validate(await self._ask(Ask("POST", where)))

    async def replay_span(self, webhook_id: str, **span: Unpack[Replay]) -> int:
        """Send again what was stored then; how many that were."""
        body = said(**{"from": span.get("start"), "to": span.get("end"), "states": span.get("states")})
        count, after = 0, None
        while True:
            more: dict[str, Any] = {"after": after} if after else {}
            found = await self._ask(Ask("POST", path("webhooks", webhook_id, "replay"), {**body, **more}))
            count, after = count + int(found["replayed"]), found["next"]
            if after is None:
                return count
