"""A registry per program, and the lag of its loop."""

import asyncio
import time

from callplane.telemetry.metrics import LAG_SECONDS, Metrics


def test_two_programs_in_one_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.histogram("callplane_x_seconds", "x").observe(1)
    other.histogram("callplane_x_seconds", "x")
    assert b"callplane_x_seconds_count 1.0" in one.text()
    assert b"callplane_x_seconds_count 0.0" in other.text()


async def test_a_loop_that_was_held_up_is_seen() -> None:
    metrics = Metrics()
    watching = asyncio.ensure_future(metrics.watch_loop())
    await asyncio.sleep(0)
    time.sleep(LAG_SECONDS + 0.2)  # noqa: ASYNC251 - this is what is to be seen
    await asyncio.sleep(0.01)  # its timer is older than this one
    watching.cancel()
    lag = metrics.registry.get_sample_value("callplane_event_loop_lag_seconds_sum")
    assert lag is not None
    assert lag >= 0.19
