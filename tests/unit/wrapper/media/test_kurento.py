"""Candidates read back from a description are those that the events told."""

from kurento_client import IceCandidate
from wrapper.media.kurento import candidates_in

SDP = """v=0\r
a=candidate:0 1 UDP 1 192.0.2.9 9 typ host\r
m=audio 9 UDP/TLS/RTP/SAVPF 96\r
a=mid:audio0\r
a=candidate:1 1 UDP 2015363327 192.0.2.1 4444 typ host\r
a=end-of-candidates\r
m=video 9 UDP/TLS/RTP/SAVPF 97\r
a=candidate:2 1 TCP 1 192.0.2.1 9 typ host tcptype active\r
a=mid:video0\r
"""


def test_each_candidate_has_its_section_whatever_the_order_of_lines() -> None:
    assert candidates_in(SDP) == [
        IceCandidate("candidate:1 1 UDP 2015363327 192.0.2.1 4444 typ host", "audio0", 0),
        IceCandidate("candidate:2 1 TCP 1 192.0.2.1 9 typ host tcptype active", "video0", 1),
    ]


def test_a_description_without_candidates_has_none() -> None:
    assert candidates_in("v=0\r\nm=audio 0 RTP/AVP 0\r\n") == []
