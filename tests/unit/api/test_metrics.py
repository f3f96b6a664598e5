"""Metrics of logs on a pod: hints and how late they come, what is unsent and unreadable, and who is behind."""

from api.log.catch_up import FeedCounts
from api.metrics import Metrics


def test_what_a_pod_knows_of_hints_and_readers_is_shown() -> None:
    metrics = Metrics()
    metrics.watch_feeds(
        lambda: FeedCounts(hints=9, unreadable=2, gaps_read=3, pages_read=4, ring_bytes=5, reader_lag=6)
    )
    metrics.watch_hints(lambda: 7)
    for lag in (0.003, 2.0, -0.001):  # by clocks that agree to a millisecond
        metrics.hint_taken(lag)
    shown = metrics.text().decode().splitlines()
    for line in (
        "callplane_hints_received_total 9.0",
        "callplane_hints_unreadable_total 2.0",
        "callplane_hints_unsent_total 7.0",
        "callplane_log_gaps_read_total 3.0",
        "callplane_log_pages_read_total 4.0",
        "callplane_feed_ring_bytes 5.0",
        "callplane_reader_lag_entries 6.0",
        'callplane_hint_lag_seconds_bucket{le="0.001"} 1.0',
        'callplane_hint_lag_seconds_bucket{le="0.005"} 2.0',
        'callplane_hint_lag_seconds_bucket{le="2.5"} 3.0',
    ):
        assert line in shown
