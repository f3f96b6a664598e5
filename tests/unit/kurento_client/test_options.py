from kurento_client import Options


def test_by_default_a_silent_server_is_noticed_within_3_5_seconds() -> None:
    options = Options()
    assert options.ping_interval + options.ping_timeout + 2 * options.close_timeout < 3.5


def test_by_default_an_attempt_fails_after_two_seconds() -> None:
    assert Options().open_timeout == 2.0
