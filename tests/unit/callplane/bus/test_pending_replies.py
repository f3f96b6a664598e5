"""Who waits for which reply, and until when."""

import asyncio

from structlog.testing import capture_logs

from callplane.bus.pending_replies import PendingReplies
from callplane.contracts.replies import Reply


def body(command_id: str) -> bytes:
    """A reply as it travels."""
    return Reply(command_id=command_id, result={}).model_dump_json().encode()


def soon(seconds: float) -> float:
    """That far ahead, by the loop's time."""
    return asyncio.get_running_loop().time() + seconds


async def test_a_reply_finds_everybody_who_waits_for_it_and_nobody_else() -> None:
    """Two requests may wait for one command; nothing is left when all have gone."""
    waiting = PendingReplies()
    with waiting.waiter("a") as one, waiting.waiter("a") as two, waiting.waiter("b") as other:
        asyncio.get_running_loop().call_soon(waiting.answered, body("a"))
        async with asyncio.timeout(1):
            await one.wait_until(soon(60))
            await two.wait_until(soon(60))
        assert one.reply is two.reply is not None
        assert other.reply is None
    assert len(waiting) == 0


async def test_whoever_has_left_is_not_missed() -> None:
    """A late reply, one for nobody, and one for who was cancelled."""
    waiting = PendingReplies()
    with waiting.waiter("a") as gone:
        await gone.wait_until(soon(0))
        assert gone.reply is None
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(gone.wait_until(soon(60)))
            await asyncio.sleep(0)
            task.cancel()
        waiting.answered(body("a"))
        assert gone.reply is not None
    waiting.answered(body("a"))
    assert len(waiting) == 0


async def test_who_waits_hears_that_the_queue_of_replies_is_lost_until_it_asks_again() -> None:
    waiting = PendingReplies()
    with waiting.waiter("a") as one:
        asyncio.get_running_loop().call_soon(waiting.lost)
        async with asyncio.timeout(1):
            await one.wait_until(soon(60))
            await one.wait_until(soon(60))
            assert one.is_lost
            one.is_lost = False
            asyncio.get_running_loop().call_soon(waiting.answered, body("a"))
            await one.wait_until(soon(60))
        assert one.reply is not None


async def test_an_unreadable_reply_is_logged_without_its_text() -> None:
    """And leaves those who wait waiting."""
    waiting = PendingReplies()
    with waiting.waiter("a") as one, capture_logs() as logs:
        waiting.answered(b'{"secret": 1}')
        assert one.reply is None
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "secret" not in str(logs)
