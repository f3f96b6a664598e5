"""Guards: refuse the calls that bring a real Kurento down before they are sent (protocol 9.4)."""

from collections.abc import Mapping
from typing import Any

from kurento_client.errors import WouldCrashServer

NO_ELEMENTS = frozenset(
    ["MediaPipeline", "ServerManager", "Composite", "Dispatcher", "DispatcherOneToMany", "Mixer", "AlphaBlending"]
)
"""The types that are no MediaElement, so that nothing may be connected to them (protocol 9)."""


def type_in(object_id: str) -> str:
    """Return the type that an object id ends with; ids look like `<parent>/<uuid>_kurento.Type` (protocol 6.1)."""
    return object_id.rpartition("/")[2].rpartition("_")[2].rpartition(".")[2]


def check(object_type: str, operation: str, sink_type: str | None) -> None:
    """Refuse what is known to crash the server; a type that cannot be told from its id passes."""
    if operation == "getIceTcp":
        raise WouldCrashServer("getIceTcp smashes Kurento's stack")
    if object_type == "Mixer" and operation == "connect":
        raise WouldCrashServer("Mixer.connect crashes Kurento; use Composite or Dispatcher")
    if operation in ("connect", "disconnect") and sink_type in NO_ELEMENTS:
        raise WouldCrashServer(f"a {sink_type} is no element to connect to")


def check_invoke(object_id: str, operation: str, params: Mapping[str, Any]) -> None:
    """Refuse an `invoke` that is known to crash the server."""
    sink = params.get("sink")
    check(type_in(object_id), operation, type_in(sink) if isinstance(sink, str) else None)
