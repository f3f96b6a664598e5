"""Telling "the database is away" from everything else, in one place."""

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
    """
    try:
        yield
    except _AWAY as failure:
        raise Away(f"the database does not answer: {type(failure).__name__}") from failure
    except PyMongoError as failure:
        if failure.timeout:
            raise Away(f"the database does not answer in time: {type(failure).__name__}") from failure
        raise
