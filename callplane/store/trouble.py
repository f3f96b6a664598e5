"""Telling "the database is away" from everything else, in one place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, ExecutionTimeout, NetworkTimeout, PyMongoError, WTimeoutError

from callplane.contracts.errors import Away

_AWAY = (ConnectionFailure, ExecutionTimeout, NetworkTimeout, WTimeoutError)


@contextmanager
def away_when_unreachable() -> Iterator[None]:
    """Turn pymongo's many words for "no primary answers" into Away; its other errors stay what they are.

    ServerSelectionTimeoutError, NotPrimaryError and AutoReconnect are ConnectionFailures; ``timeout`` says that the
    client-side deadline (timeoutMS) ran out, whatever the class.

    PyMongo 4.20 loses cancellations: one of four went on as if nothing had been asked, and while no server answers
    its lock turns them into "Lock is not acquired" or into the fault at hand (measured). A loop that treats that as
    one more fault never ends, so a cancellation that came meanwhile is raised here again.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    try:
        yield
    except Exception as failure:
        if task and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError from failure
        if isinstance(failure, _AWAY):
            raise Away(f"the database does not answer: {type(failure).__name__}") from failure
        if isinstance(failure, PyMongoError) and failure.timeout:
            raise Away(f"the database does not answer in time: {type(failure).__name__}") from failure
        raise
    if task and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError
