"""Broker errors: everything that says "the broker cannot be reached" becomes Unavailable, a 404 Trouble or NodeDown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq import Channel
from aiormq.exceptions import ChannelInvalidStateError

from callplane.contracts.errors import NodeDown, Trouble, Unavailable

SETTLED_WITHIN = 0.5
"""Seconds: aiormq marks a channel first, and says a few turns of the loop later why it is closed."""


# A class, as ``callplane/telemetry/stages.py`` says.
class as_unavailable:
    """Raise Unavailable for a timeout, a lost channel or connection, or a negative confirm inside the block.

    A 406 goes through: it says that two versions disagree about arguments, which no waiting cures. Cancelling the
    task is told from what aiormq makes of cancelling, both ways.
    """

    __slots__ = ("_before", "_doing")

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        """Note what is cancelled already."""
        self._before = _cancelled()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Tell what it is."""
        if error is not None and not isinstance(error, Exception | asyncio.CancelledError):
            return
        if _cancelled() > self._before:
            # Also without an error: aiormq waits by asyncio.wait_for, which in Python 3.11 forgets a cancellation that
            # meets the answer.
            raise asyncio.CancelledError from error
        if error is not None and _is_loss(error):
            raise Unavailable(f"{self._doing}: {type(error).__name__}") from error


@asynccontextmanager
async def as_missing(doing: str, channel: Callable[[], Channel | None]) -> AsyncIterator[None]:
    """Raise Trouble for a 404 inside the block, and NodeDown for one that tells of a queue whose node is down.

    Also where a later call failed: what was sent without waiting is refused while the next is being sent.
    """
    try:
        yield
    except ChannelNotFoundEntity as error:
        raise _missing(doing, error) from None
    except ChannelInvalidStateError:
        cause = await _closed_by(channel())
        if cause is None:
            raise
        raise _missing(doing, cause) from None


async def _closed_by(channel: Channel | None) -> ChannelNotFoundEntity | None:
    if channel is not None:
        await asyncio.wait([channel.closing], timeout=SETTLED_WITHIN)
        if channel.closing.done() and not channel.closing.cancelled():
            why = channel.closing.exception()
            return why if isinstance(why, ChannelNotFoundEntity) else None
    return None


def _missing(doing: str, error: ChannelNotFoundEntity) -> Trouble:
    """What a 404 means: RabbitMQ says it of what does not exist, and of a queue whose node is down.

    Measured on 3.10: "no queue 'x' in vhost '/'" and "home node 'rabbit@b' of durable queue 'x' … is down or
    inaccessible"; a queue that has crashed, or whose process is stopped, is a 404 too, and is not gone either.
    """
    is_gone = "NOT_FOUND - no " in str(error)
    return Trouble(f"{doing}: not found") if is_gone else NodeDown(f"{doing}: the node of the queue is down")


def _is_loss(error: BaseException) -> bool:
    # aiormq rejects what is pending with CancelledError when its reader was cancelled (a broker that fell silent),
    # although nobody cancelled us, and with a bare Exception when a channel ends without a reason.
    if isinstance(error, asyncio.CancelledError) or type(error) is Exception:
        return True
    return isinstance(error, (TimeoutError, *CONNECTION_EXCEPTIONS)) and not isinstance(
        error, ChannelPreconditionFailed
    )


def _cancelled() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
