"""The short form: every program dies, stops and is cut off once or twice while people talk."""

import pytest

from tests.chaos.faults import Plan
from tests.chaos.run import Options, run


@pytest.mark.timeout(240)
async def test_nothing_is_lost_doubled_or_left_behind() -> None:
    report = await run(Options(seed=2935, plan=Plan(seconds=10, faults=6, outage=3.0), tombstone_seconds=6))
    print(report)
    assert report.verdict.clean, str(report)
    assert report.verdict.ok > 50
    assert report.faults.total() == 6
