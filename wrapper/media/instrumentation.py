"""Instrumentation: measures each call on a media server, as part of its command's time and of its trace."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.trace import SpanKind

from callplane.telemetry.stages import stage
from callplane.telemetry.traces import span
from kurento_client import Around

Timed = Callable[[str], AbstractContextManager[None]]


def observed(server: str, timed: Timed) -> Around:
    """What the clients of one media server enter around each call."""

    @contextmanager
    def around(method: str, params: Mapping[str, Any] | None) -> Iterator[None]:
        operation = str((params or {}).get("operation", method))
        with span(f"kurento {operation}", SpanKind.CLIENT, media_server=server), stage("kurento"), timed(operation):
            yield

    return around
