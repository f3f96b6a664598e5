"""Which addresses only this machine can reach."""

import pytest

from callplane.network import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"])
def test_what_only_this_machine_reaches_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org", "localhost.example.org", ""])
def test_what_others_reach_or_name_is_not(host: str) -> None:
    assert not is_loopback(host)
