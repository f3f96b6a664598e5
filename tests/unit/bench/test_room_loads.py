"""What an endpoint costs a wrapper: the difference of two kinds of rooms, each without its idling, halved."""

import pytest

from bench.room_loads import PARTS, Kind, Load, an_endpoint, report

OTHERS = dict.fromkeys(PARTS, 99.0)


def load(rooms: int, wrapper: float, idle: float, seconds: float = 2.0) -> Load:
    """One whose other parts would spoil every figure."""
    return Load([0.1] * rooms, seconds, OTHERS | {"wrapper": wrapper}, OTHERS | {"wrapper": idle}, 30.0 * rooms)


def test_of_an_endpoint_is_what_two_of_them_cost_more_without_idling() -> None:
    plain = load(100, wrapper=2.0 + 0.5, idle=0.5)  # 20 ms a room
    negotiated = load(50, wrapper=1.9 + 0.6, idle=0.6)  # 38 ms a room, at half the rate
    assert an_endpoint(negotiated, plain) == pytest.approx(9.0)


def test_turns_are_weighed_by_their_rooms() -> None:
    both = Load.all_of([load(10, 1.0, 0.0), load(30, 1.0, 0.4)])
    assert both.milliseconds("wrapper") == pytest.approx(50.0)
    assert both.milliseconds("wrapper", idling=False) == pytest.approx(40.0)
    assert (both.seconds, both.requests) == (4.0, 1200.0)


def test_the_rate_is_that_of_a_whole_core(capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        Kind("ours", 16): [load(100, 2.0, 0.0), load(100, 2.0, 0.0)],
        Kind("ours", 16, negotiate=True): [load(50, 2.0, 0.0), load(50, 1.8, 0.0)],
    }
    report(found)
    rooms, endpoints = capsys.readouterr().out.split("### Endpoints")
    assert [line.split(" | ")[:3] for line in rooms.splitlines() if "ours" in line] == [
        ["| ours", "16", "50.0"],
        ["| ours, with two offers", "16", "25.0"],
    ]
    assert "| ours | 16 | 9.0 | 111 | [10.0, 8.0] |" in endpoints


def test_without_offers_nothing_is_said_of_endpoints(capsys: pytest.CaptureFixture[str]) -> None:
    report({Kind("ours", 1): [load(10, 1.0, 0.0)]})
    assert "Endpoints" not in capsys.readouterr().out
