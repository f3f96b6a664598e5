"""Turns everything that says "the broker cannot be reached" into one error of ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelPreconditionFailed

from callplane.contracts.errors import Away


@contextmanager
def away(doing: str) -> Iterator[None]:
    """Raise Away for a timeout, a lost channel or connection, or a negative confirm inside the block.

    A 406 goes through: it says that two versions disagree about arguments, which no waiting cures.
    """
    try:
        yield
    except ChannelPreconditionFailed:
        raise
    except asyncio.CancelledError as error:
        # aiormq rejects what is pending with CancelledError when its reader was cancelled (a broker that fell
        # silent), although nobody cancelled us.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Away(f"{doing}: the connection ended") from error
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        raise Away(f"{doing}: {type(error).__name__}") from error
