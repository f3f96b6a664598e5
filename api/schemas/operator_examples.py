"""Examples of what operators and servers look at, for the OpenAPI description."""

from typing import Any

_SESSION = "6a2f41a3-c54c-5ce8-9fd4-0ab2c33e7d05"
_PARTICIPANT = "0b6f0c6e-3f0f-5f55-9b52-6f6f0a3c1a11"

OVERVIEW: dict[str, Any] = {
    **{"sessions": 120, "people": 311, "streams": 290, "moved": 1, "reconnecting": []},
    "most_moved": [
        {"id": _SESSION, "custom_id": "daily", "epoch": 2, "people": 2, "reconnecting": 0, "created_at": None}
    ],
}
PROCESSES: dict[str, Any] = {
    "wrappers": [
        {"id": "01980000-…", "version": "0.1.0", "load": 0.04, "sessions": 12, "shards": 64, "media_servers": ["kms-1"]}
    ],
    "pods": [
        {"id": "01980000-…", "version": "0.1.0", "holds_mailboxes": True, "commands_per_second": 3.2, "p99_ms": 41.5}
    ],
    "queues": [{"name": "dead-letters", "messages": 1, "waiting_seconds": 40.0}],
    "last_failover": {"at": "2026-01-05T09:30:00Z", "sessions": 12, "seconds": 1.4, "session_id": _SESSION},
}
GRAPH: dict[str, Any] = {
    "epoch": 1,
    "media_server": "kms-1",
    "connections": [
        {
            "id": "c56a4180-65aa-52ec-a945-5fd21dec0538",
            "participant_id": _PARTICIPANT,
            "kind": "publish",
            "publisher": None,
            "epoch": 1,
            "state": "ready",
        }
    ],
    "more": 0,
}
