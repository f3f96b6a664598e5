"""Events of a seat for its program: a value to each listener, whose errors are logged and stop nobody."""

import logging
from collections.abc import Callable
from typing import Any

Listener = Callable[[Any], None]


class Emitter:
    """Somebody who can be listened to."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, type_: str, listener: Listener) -> Callable[[], None]:
        """Listen to an event; returns what ends the listening."""
        listeners = self._listeners.setdefault(type_, [])
        listeners.append(listener)

        def off() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return off

    def emit(self, type_: str, detail: Any) -> None:
        """Tell who listens."""
        for listener in list(self._listeners.get(type_, ())):
            try:
                listener(detail)
            except Exception:
                logging.getLogger("callplane_client").exception("a listener to %s failed", type_)
