"""Turns everything that says "the broker cannot be reached" into one error of ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelPreconditionFailed

from callplane.contracts.errors import Away


@contextmanager
def away(doing: str) -> Iterator[None]:
    """Raise Away for a timeout, a lost channel or connection, or a negative confirm inside the block.

    A 406 goes through: it says that two versions disagree about arguments, which no waiting cures. Cancelling the
    task is told from what aiormq makes of cancelling, both ways.
    """
    before = _cancelled()
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if _cancelled() > before:
            raise asyncio.CancelledError from error
        if _says_away(error):
            raise Away(f"{doing}: {type(error).__name__}") from error
        raise
    if _cancelled() > before:
        # aiormq waits by asyncio.wait_for, which in Python 3.11 forgets a cancellation that meets the answer.
        raise asyncio.CancelledError


def _says_away(error: BaseException) -> bool:
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
