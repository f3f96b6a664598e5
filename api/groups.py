"""Getting the one exception out of a group of one."""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def single_exception() -> Generator[None]:
    """A task group wraps even what its own block raises: callers get a lone exception as it was raised."""
    try:
        yield
    except BaseExceptionGroup as group:
        lone: BaseException = group
        while isinstance(lone, BaseExceptionGroup) and len(lone.exceptions) == 1:
            lone = lone.exceptions[0]
        if lone is group:
            raise
        raise lone from lone.__cause__
