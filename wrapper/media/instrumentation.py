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
        operation = _operation(method, params or {})
        with span(f"kurento {operation}", SpanKind.CLIENT, media_server=server), stage("kurento"), timed(operation):
            yield

    return around


def _operation(method: str, params: Mapping[str, Any]) -> str:
    """What is asked for; of a transaction that ends with an offer it is that, which takes the time."""
    operations = params.get("operations")
    last = operations[-1]["params"] if operations else params
    offers = method == "transaction" and last.get("operation") == "processOffer"
    return "processOffer" if offers else str(params.get("operation", method))
