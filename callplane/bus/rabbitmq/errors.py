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
    except ChannelPreconditionFailed:
        raise
    except asyncio.CancelledError as error:
        # aiormq rejects what is pending with CancelledError when its reader was cancelled (a broker that fell
        # silent), although nobody cancelled us.
        if _cancelled() > before:
            raise
        raise Away(f"{doing}: the connection ended") from error
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        if _cancelled() > before:
            raise asyncio.CancelledError from error
        raise Away(f"{doing}: {type(error).__name__}") from error
    if _cancelled() > before:
        # aiormq waits by asyncio.wait_for, which in Python 3.11 forgets a cancellation that meets the answer.
        raise asyncio.CancelledError


def _cancelled() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
