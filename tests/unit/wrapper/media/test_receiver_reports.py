"""What is taken from statistics for a sign of life."""

from typing import Any

from wrapper.media.port import ReceiverReport
from wrapper.media.receiver_reports import receiver_report

SENT: dict[str, Any] = {
    "type": "outboundrtp",
    "ssrc": "1",
    "packetsSent": 70,
    "bytesSent": 9000,
    "roundTripTime": 0.0004,
    "packetsLost": -1,
    "fractionLost": 3.0,
    "nackCount": 2,
    "pliCount": 1,
    "firCount": 0,
    "remb": 500000,
    "timestampMillis": 1,
}


def test_it_is_what_the_clients_reports_change_and_nothing_else() -> None:
    assert receiver_report({"a": SENT}) == ReceiverReport((0.0004, -1.0, 3.0, 2.0, 1.0, 0.0, 500000.0), 70)
    later = receiver_report({"a": {**SENT, "bytesSent": 9999, "packetsSent": 99, "timestampMillis": 2}})
    assert later == ReceiverReport((0.0004, -1.0, 3.0, 2.0, 1.0, 0.0, 500000.0), 99)


def test_no_round_trip_is_no_sign_of_anything() -> None:
    for stats in ({}, {"a": {**SENT, "roundTripTime": 0.0}}, {"a": {**SENT, "packetsSent": 0}}):
        assert receiver_report(stats) is None
    assert receiver_report({"a": {**SENT, "type": "inboundrtp"}, "b": {"type": "endpoint", "E2ELatency": []}}) is None


def test_the_order_of_streams_does_not_matter() -> None:
    other = {**SENT, "ssrc": "2", "roundTripTime": 0.5}
    assert receiver_report({"a": SENT, "b": other}) == receiver_report({"a": other, "b": SENT})
