"""Timed hints: how late each came after its record, beside who is told where the log ends."""

from collections.abc import Callable
from datetime import datetime

from api.log.feeds import OnAppended
from callplane.store.log.reader import Head
from callplane.store.log.records import LogKey


def timed(appended: OnAppended, late: Callable[[float], None], now: Callable[[], datetime]) -> OnAppended:
    """Tell both, ``late`` in seconds of the database's time."""

    def told(key: LogKey, head: Head, at: datetime) -> None:
        appended(key, head, at)
        late((now() - at).total_seconds())

    return told
