"""Flows, and who is connected to whom."""

from mediaserver.media.flow import Flow, Inlet, Outlet
from mediaserver.media.inbound import Inbound, SourceClock
from mediaserver.media.packet import Packet

PACKET = Packet(Inbound(1, 90000, SourceClock()), 1, 0, 0, b"", False)


def quiet() -> Flow:
    """Make a flow that nobody listens to."""
    return Flow(lambda flowing: None)


def test_a_flow_starts_once_and_stops_after_a_while() -> None:
    told: list[bool] = []
    flow = Flow(told.append)
    flow.look(0.0, 2.0)
    flow.seen(1.0)
    flow.seen(1.5)
    flow.look(3.5, 2.0)
    assert told == [True]
    flow.look(3.6, 2.0)
    flow.look(9.0, 2.0)
    assert told == [True, False]
    flow.seen(10.0)
    assert told == [True, False, True]


def test_a_sink_has_one_source_and_a_source_many_sinks() -> None:
    one, two = Outlet(quiet()), Outlet(quiet())
    sinks = [Inlet(quiet()) for _ in range(3)]
    for sink in sinks:
        one.attach(sink)
    two.attach(sinks[0])
    assert one.sinks == sinks[1:]
    assert sinks[0].source is two
    one.detach(sinks[0])
    assert sinks[0].source is two
    one.forward(PACKET, 1.0)
    assert [sink.flow.flowing for sink in sinks] == [False, True, True]


def test_requests_go_upstream_and_end_at_nothing() -> None:
    asked: list[float] = []
    outlet, inlet = Outlet(quiet()), Inlet(quiet())
    inlet.request_key_frame(1.0)
    outlet.attach(inlet)
    inlet.request_key_frame(2.0)
    outlet.ask = asked.append
    inlet.request_key_frame(3.0)
    assert asked == [3.0]
