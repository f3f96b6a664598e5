"""Recent answers: the rate and the 99th percentile of the last seconds, also where more come than are kept."""

from api.recent_answers import MOST, RecentAnswers


def test_what_is_told_is_of_the_last_ten_seconds() -> None:
    now = 100.0
    recent = RecentAnswers(lambda: now)
    assert recent.told().p99_ms is None
    recent.add(9.0)
    now = 105.0
    for milliseconds in range(1, 101):
        recent.add(milliseconds / 1000)
    now = 112.0
    told = recent.told()
    assert (told.commands_per_second, told.p99_ms) == (10.0, 99.0)
    now = 116.0
    assert (recent.told().commands_per_second, recent.told().p99_ms) == (0.0, None)


def test_a_busy_pod_tells_its_rate_though_it_keeps_few() -> None:
    now = 0.0
    recent = RecentAnswers(lambda: now)
    for _ in range(MOST * 4):
        now += 0.001
        recent.add(0.01)
    assert 950 < recent.told().commands_per_second <= 1010
