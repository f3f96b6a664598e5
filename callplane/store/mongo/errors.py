"""Errors: "the database is away" told from what it says about one command, in one place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.refusals.sessions import document_too_large

# A write concern that was not met (the server stops, or a majority is away) leaves open whether the write stays; a
# cursor is not found by the server that was started since.
_UNAVAILABLE = (ConnectionFailure, CursorNotFound, ExecutionTimeout, NetworkTimeout, WriteConcernError)

# What a server says while it stops, starts or changes its primary, and PyMongo's retry has not cured: HostUnreachable,
# HostNotFound, NetworkTimeout, ShutdownInProgress, ReadConcernMajorityNotAvailableYet, PrimarySteppedDown,
# ExceededTimeLimit, SocketException, NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange,
# NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
_UNAVAILABLE_CODES = frozenset({6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})

# BSONObjectTooLarge, and the same said of an update's result (17419) and of an upsert's (17420).
_TOO_LARGE_CODES = frozenset({10334, 17419, 17420})


class ServerAnswer(Trouble):
    """What the server answered instead of doing it: interrupted, in conflict, over its limits, or a mistake of ours.

    Trouble, whatever it says: a list of what may pass would never be whole, and what does not pass is given up in the
    end like any other trouble. Its text is left out, for it quotes documents.
    """

    def __init__(self, failure: OperationFailure) -> None:
        name = (failure.details or {}).get("codeName") or "no name"
        super().__init__(f"the database said {failure.code} ({name})")
        self.code = failure.code


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn pymongo's many words for "no primary answers" into Unavailable, and what a server answers instead into
    ServerAnswer.

    What MongoDB cannot hold is a Refusal; a double key stays what it is, for callers want to know of it.

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
        if isinstance(failure, _UNAVAILABLE) or _of_a_change(failure):
            raise Unavailable(f"the database does not answer: {type(failure).__name__}") from failure
        if isinstance(failure, PyMongoError) and failure.timeout:
            raise Unavailable(f"the database does not answer in time: {type(failure).__name__}") from failure
        if isinstance(failure, DocumentTooLarge) or getattr(failure, "code", None) in _TOO_LARGE_CODES:
            raise document_too_large() from failure
        if isinstance(failure, OperationFailure) and not isinstance(failure, DuplicateKeyError):
            raise ServerAnswer(failure) from failure
        raise
    if task and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError


def _of_a_change(failure: Exception) -> bool:
    """Whether the server was stopping or starting at that moment."""
    if isinstance(failure, OperationFailure):
        return failure.code in _UNAVAILABLE_CODES
    # PyMongo 4.20 trips over a findAndModify whose write concern was not met: it tries to change the raw answer.
    return isinstance(failure, AttributeError) and "RawBSONDocument" in str(failure)
