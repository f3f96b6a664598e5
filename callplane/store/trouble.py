"""Telling "the database is away" from everything else, in one place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from callplane.contracts.errors import Away

# A write concern that was not met (the server stops, or a majority is away) leaves open whether the write stays; a
# cursor is not found by the server that was started since.
_AWAY = (ConnectionFailure, CursorNotFound, ExecutionTimeout, NetworkTimeout, WriteConcernError)

# What a server says while it stops, starts or changes its primary, and PyMongo's retry has not cured: HostUnreachable,
# HostNotFound, NetworkTimeout, ShutdownInProgress, ReadConcernMajorityNotAvailableYet, PrimarySteppedDown,
# ExceededTimeLimit, SocketException, NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange,
# NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
_AWAY_CODES = frozenset({6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})


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
        if isinstance(failure, _AWAY) or _of_a_change(failure):
            raise Away(f"the database does not answer: {type(failure).__name__}") from failure
        if isinstance(failure, PyMongoError) and failure.timeout:
            raise Away(f"the database does not answer in time: {type(failure).__name__}") from failure
        raise
    if task and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError


def _of_a_change(failure: Exception) -> bool:
    """Whether the server was stopping or starting at that moment."""
    if isinstance(failure, OperationFailure):
        return failure.code in _AWAY_CODES
    # PyMongo 4.20 trips over a findAndModify whose write concern was not met: it tries to change the raw answer.
    return isinstance(failure, AttributeError) and "RawBSONDocument" in str(failure)
