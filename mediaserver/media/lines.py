"""m-lines: has an RTP session carry an accepted line to and from the ports of the element that it belongs to."""

from dataclasses import dataclass

from mediaserver.media.flow import Inlet, Outlet
from mediaserver.media.inbound import SourceClock
from mediaserver.media.receiver import Receiver, ReceiverOptions
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sdp.negotiation import CLOCKS, Chosen
from mediaserver.media.sender import Sender


@dataclass(frozen=True)
class Ports:
    """Where the element's media of one kind comes in and goes out."""

    inlet: Inlet
    outlet: Outlet


@dataclass(frozen=True)
class Terms:
    """What is ours on a line: its SSRC, the publisher's clock, and the ceiling in kbit/s that the peer is offered."""

    ssrc: int
    clock: SourceClock
    max_bitrate: int


def carry(session: RtpSession, chosen: Chosen, ports: Ports, terms: Terms) -> None:
    """Begin to receive and to send on a line, as far as its direction allows."""
    number = chosen.codec.payload_type
    if chosen.receives:
        options = ReceiverOptions(chosen.kind, terms.ssrc, chosen.remote_ssrc, terms.max_bitrate, chosen.layered)
        session.receivers[number] = Receiver(options, ports.outlet, terms.clock, session.send_rtcp)
    if chosen.sends:
        sender = Sender(chosen.kind, CLOCKS[chosen.kind], number, terms.ssrc)
        ports.inlet.consumer = sender
        session.senders[terms.ssrc] = (sender, ports.inlet)
