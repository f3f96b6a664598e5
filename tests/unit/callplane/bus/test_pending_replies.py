"""Who waits for which reply."""

import asyncio

from structlog.testing import capture_logs

from callplane.bus.pending_replies import PendingReplies, reply_within
from callplane.contracts.replies import Reply


def body(command_id: str) -> bytes:
    """A reply as it travels."""
    return Reply(command_id=command_id, result={}).model_dump_json().encode()


async def test_a_reply_finds_everybody_who_waits_for_it_and_nobody_else() -> None:
    """Two requests may wait for one command; nothing is left when all have gone."""
    waiting = PendingReplies()
    with waiting.waiter("a") as one, waiting.waiter("a") as two, waiting.waiter("b") as other:
        waiting.answered(body("a"))
        assert (await reply_within(1, one), await reply_within(1, two)) == (one.result(), two.result())
        assert not other.done()
    assert len(waiting) == 0


async def test_whoever_has_left_is_not_missed() -> None:
    """A late reply, one for nobody, and one for a future that was cancelled."""
    waiting = PendingReplies()
    with waiting.waiter("a") as gone:
        assert await reply_within(0, gone) is None
        assert gone.cancelled()
        waiting.answered(body("a"))
    waiting.answered(body("a"))
    assert len(waiting) == 0


async def test_an_unreadable_reply_is_logged_without_its_text() -> None:
    """And leaves those who wait waiting."""
    waiting = PendingReplies()
    with waiting.waiter("a") as one, capture_logs() as logs:
        waiting.answered(b'{"secret": 1}')
        await asyncio.sleep(0)
        assert not one.done()
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "secret" not in str(logs)
