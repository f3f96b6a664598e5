"""Frames recorded from a real Kurento 7.3, by what they are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what it was answered."""

    name: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def method(self) -> str:
        """The JSON-RPC method."""
        return str(self.request["method"])

    @property
    def params(self) -> dict[str, Any]:
        """The parameters without the session."""
        given = self.request.get("params") or {}
        return {key: value for key, value in given.items() if key != "sessionId"}

    def __str__(self) -> str:
        return self.name


def exchanges() -> list[Exchange]:
    """Return every recorded request with its answer."""
    frames = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return [Exchange(each["name"], each["request"], each["response"]) for each in frames if "request" in each]


def events() -> list[dict[str, Any]]:
    """Return every recorded event frame."""
    frames = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return [each["event"] for each in frames if "event" in each]
