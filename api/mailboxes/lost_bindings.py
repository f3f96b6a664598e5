"""Lost bindings: a mailbox was not told what it should have been, for RabbitMQ can lose its binding and say nothing.

Each visible change of a session is one event with the session's next version (design 5). A mailbox that is empty and
has not been told of a version that was published a look ago is behind a gap: whatever the cause, its way is made again
and its reader told to read the state anew.
"""

import re
from collections.abc import Awaitable, Callable, Collection

from callplane.contracts.ids import SessionId

Published = Callable[[Collection[SessionId]], Awaitable[dict[SessionId, int]]]
"""Tells of each of these sessions, where it is open, up to which version its events have been published."""

_VERSION = re.compile(rb'"version":(\d+)')
_BEFORE_DATA = 400
"""Bytes: id, type and session id come first, none of which a caller chooses."""


def version_of(body: bytes) -> int | None:
    """The version that a message tells of, without reading all of it; None for what is no event of a session."""
    data = body.find(b'"data":')
    found = _VERSION.search(body, 0, data if 0 <= data < _BEFORE_DATA else _BEFORE_DATA)
    return int(found[1]) if found else None


class CheckedBindings:
    """What one mailbox has been told of, against what has been published."""

    def __init__(self) -> None:
        self._told = 0
        """The highest version that has come."""
        self._expected: int | None = None
        """What was published at the last look; None before the first."""

    def receive(self, body: bytes) -> None:
        """One message has come."""
        version = version_of(body)
        if version is not None and version > self._told:
            self._told = version

    def lacks(self, published: int, *, waiting: bool) -> bool:
        """Whether it lacks what was published at the last look; what waits in it may be just that.

        At the first look nothing is expected: what was before is what its reader read when it came.
        """
        expected, self._expected = self._expected, published
        if expected is None:
            self._told = max(self._told, published)
        elif self._told < expected and not waiting:
            self._told = expected
            return True
        return False


async def nothing_published(_sessions: Collection[SessionId]) -> dict[SessionId, int]:
    """For pods that compare with nothing."""
    return {}
