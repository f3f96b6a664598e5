"""What an answer takes of an offer, and which of a media server's candidates are of use to whom it answers."""

import pytest

from callplane.contracts.shapes import Kind
from testkit.fakes.sdp import ANSWER, CHROMIUM, OFFER, plain
from wrapper.media.sdp import UsefulCandidates, accepted

HOST = "candidate:1 {} UDP 2013266431 192.0.2.1 40000 typ host"


def rejected(sdp: str, line: int) -> str:
    """The same description with one line refused, as an answer refuses it."""
    head, *sections = sdp.split("m=")
    sections[line] = sections[line].replace(" 9 ", " 0 ", 1)
    return "m=".join([head, *sections])


@pytest.mark.parametrize(
    ("kind", "offer", "answer", "media"),
    [
        ("publish", plain("sendonly"), plain("recvonly"), ["audio", "video"]),
        ("publish", plain("sendrecv"), plain("sendrecv"), ["audio", "video"]),
        ("subscribe", plain("recvonly"), plain("sendonly"), ["audio", "video"]),
        ("publish", plain("sendonly"), rejected(plain("recvonly"), 1), ["audio"]),
        ("publish", plain("sendonly"), rejected(rejected(plain("recvonly"), 0), 1), []),
        ("publish", plain("sendonly"), plain("inactive"), []),
        ("publish", plain("recvonly"), plain("sendonly"), []),
        ("publish", plain("inactive"), plain("inactive"), []),
        ("subscribe", plain("sendonly"), plain("recvonly"), []),
        ("publish", OFFER, ANSWER, ["audio", "video"]),
    ],
)
def test_what_is_accepted_is_what_flows(kind: Kind, offer: str, answer: str, media: list[str]) -> None:
    assert accepted(kind, offer, answer) == media


def test_a_line_that_comes_later_counts_for_its_kind_and_a_data_channel_for_none() -> None:
    """Inactive lines first, as after a restarted call; a browser's own offer ends with a data channel."""
    offer = plain("inactive") + plain("sendonly").partition("m=")[1] + plain("sendonly").partition("m=")[2]
    answer = plain("inactive") + plain("recvonly").partition("m=")[1] + plain("recvonly").partition("m=")[2]
    assert accepted("publish", offer, answer) == ["audio", "video"]
    only_data = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
    assert accepted("publish", only_data, only_data) == []


def test_a_direction_of_the_whole_session_counts_where_a_line_has_none() -> None:
    silent = "v=0\r\na=inactive\r\nm=audio 9 RTP/AVP 0\r\n"
    assert accepted("publish", silent, silent) == []
    assert accepted("publish", silent + "a=sendonly\r\n", silent + "a=recvonly\r\n") == ["audio"]


def test_of_a_bundle_with_rtcp_mux_a_quarter_of_the_candidates_is_of_use() -> None:
    useful = UsefulCandidates.to(plain("recvonly"))
    told = [(line, part) for line in (0, 1) for part in (1, 2) if useful.takes(HOST.format(part), line)]
    assert told == [(0, 1)]


def test_without_bundle_or_rtcp_mux_each_line_and_component_needs_its_own() -> None:
    alone = UsefulCandidates.to(plain("recvonly").replace("a=group:BUNDLE 0 1\r\n", ""))
    assert [line for line in (0, 1) if alone.takes(HOST.format(1), line)] == [0, 1]
    unmuxed = UsefulCandidates.to(plain("recvonly").replace("a=rtcp-mux\r\n", ""))
    assert unmuxed.takes(HOST.format(2), 0)


def test_where_the_first_line_of_a_bundle_is_refused_the_next_one_carries_it() -> None:
    useful = UsefulCandidates.to(rejected(plain("recvonly"), 0))
    assert [line for line in (0, 1) if useful.takes(HOST.format(1), line)] == [1]
    assert UsefulCandidates.to(CHROMIUM).takes("candidate:odd", 0), "what has no component is not judged"
