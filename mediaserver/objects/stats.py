"""RTP statistics as `getStats` reports them (protocol 11)."""

import time
from typing import Any

from mediaserver.media.inbound import Inbound
from mediaserver.media.receiver import Receiver
from mediaserver.media.rtp_session import RtpSession
from mediaserver.media.sender import Sender
from mediaserver.model.types import record


def endpoint_stats(endpoint: str, session: RtpSession, kind: str | None) -> dict[str, Any]:
    """Make one record for each stream that has carried a packet."""
    found: dict[str, Any] = {}
    for receiver in session.receivers.values():
        if kind in (None, receiver.kind.upper()) and receiver.stream is not None:
            found |= _inbound(endpoint, receiver, receiver.stream)
    for sender, _ in session.senders.values():
        if kind in (None, sender.kind.upper()) and sender.packets:
            found |= _outbound(endpoint, sender)
    return found


def _base(kind: str, ssrc: int, endpoint: str, lost: int) -> dict[str, Any]:
    return {
        "id": f"{kind}_{ssrc}",
        "type": kind,
        "timestampMillis": int(time.time() * 1000),
        "ssrc": str(ssrc),
        "associateStatsId": "",
        "isRemote": False,
        "mediaTrackId": "",
        "transportId": endpoint,
        "codecId": "",
        "firCount": 0,
        "sliCount": 0,
        "remb": 0,
        "packetsLost": lost,
    }


def _inbound(endpoint: str, receiver: Receiver, stream: Inbound) -> dict[str, Any]:
    base = _base("inboundrtp", stream.ssrc, endpoint, stream.lost)
    made = record(
        "RTCInboundRTPStreamStats",
        **base,
        pliCount=receiver.key_requests,
        nackCount=receiver.nacks,
        fractionLost=0.0,
        packetsReceived=stream.received,
        bytesReceived=stream.octets,
        jitter=stream.jitter / stream.rate,
    )
    return {base["id"]: made}


def _outbound(endpoint: str, sender: Sender) -> dict[str, Any]:
    lost, fraction, _ = sender.remote_loss or (-1, 0, 0)
    base = _base("outboundrtp", sender.ssrc, endpoint, lost)
    made = record(
        "RTCOutboundRTPStreamStats",
        **base,
        pliCount=sender.plis,
        nackCount=sender.nacks,
        fractionLost=float(fraction),
        packetsSent=sender.packets,
        bytesSent=sender.octets,
        targetBitrate=0.0,
        roundTripTime=sender.round_trip,
    )
    return {base["id"]: made}
