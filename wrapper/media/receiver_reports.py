"""Receiver reports: reads out of statistics (protocol 11) what a client that only receives has last reported."""

from collections.abc import Mapping
from typing import Any

from wrapper.media.port import ReceiverReport

REPORTED = ("roundTripTime", "packetsLost", "fractionLost", "nackCount", "pliCount", "firCount", "remb")
"""What only a report or a request of the client changes."""


def receiver_report(stats: Mapping[str, Mapping[str, Any]]) -> ReceiverReport | None:
    """Of one endpoint's video; None where nothing is sent, or no report has come that a round trip can be told by."""
    sent = [
        record for record in stats.values() if record.get("type") == "outboundrtp" and _number(record, "packetsSent")
    ]
    if not any(_number(record, "roundTripTime") for record in sent):
        return None
    sent.sort(key=lambda record: str(record.get("ssrc")))
    reports = tuple(_number(record, name) for record in sent for name in REPORTED)
    return ReceiverReport(reports, int(sum(_number(record, "packetsSent") for record in sent)))


def _number(record: Mapping[str, Any], name: str) -> float:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
