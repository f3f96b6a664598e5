"""What of an offer is taken, and how it is answered."""

import re

import pytest

from mediaserver.media.sdp import local
from mediaserver.media.sdp.description import Description
from mediaserver.media.sdp.local import Identity
from mediaserver.media.sdp.negotiation import Agreement, Unanswerable, agree
from tests.support.sdp import CHROMIUM, OFFER

OWN = Identity("ufrag", "password", "FF:EE", "cname", "stream", {"audio": 1, "video": 2})


def agreed(text: str) -> Agreement:
    """Agree with both directions allowed."""
    return agree(Description.parse(text), receives=True, sends=True)


def answered(text: str) -> str:
    """Answer without candidates."""
    parsed = Description.parse(text)
    return local.answer(parsed, agreed(text), OWN, {}).render([])


def test_chromium_is_answered_line_by_line() -> None:
    lines = answered(CHROMIUM).split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert "a=group:BUNDLE 0 1" in lines
    video = lines[lines.index("m=video 9 UDP/TLS/RTP/SAVPF 96") :]
    assert [line for line in video if line.startswith("a=rtcp-fb")] == [
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 goog-remb",
    ]
    assert "a=sendonly" in video
    assert "a=msid:stream stream-video" in video
    assert "a=ssrc:2 cname:cname" in video
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in lines
    assert not any("extmap" in line or "ice-options" in line for line in lines)


def test_the_transport_is_that_of_the_first_line() -> None:
    agreement = agreed(CHROMIUM)
    assert agreement.transport.ufrag == "abcd"
    assert [(c.kind, c.receives, c.sends, c.remote_ssrc) for c in agreement.chosen] == [
        ("audio", True, True, 11),
        ("video", False, True, None),
    ]


def test_one_line_of_each_kind_in_one_bundle() -> None:
    doubled = OFFER + OFFER[OFFER.index("m=audio") :].replace("a=mid:1", "a=mid:2")
    assert [c.index for c in agreed(doubled).chosen] == [0, 1]
    unbundled = OFFER.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0")
    assert [c.index for c in agreed(unbundled).chosen] == [0]
    refused = OFFER.replace("m=video 38335", "m=video 0")
    assert [c.kind for c in agreed(refused).chosen] == ["audio"]


@pytest.mark.parametrize("lacking", ["a=rtcp-mux", "a=ice-ufrag:.*", "a=fingerprint:.*", "a=rtpmap:.*", "m=.*"])
def test_what_cannot_be_answered(lacking: str) -> None:
    with pytest.raises(Unanswerable):
        agreed(re.sub(f"(?m)^{lacking}\r\n", "", OFFER))


@pytest.mark.parametrize(("offered", "ours"), [("actpass", "active"), ("active", "passive"), ("passive", "active")])
def test_the_dtls_roles(offered: str, ours: str) -> None:
    assert f"a=setup:{ours}\r\n" in answered(OFFER.replace("setup:actpass", f"setup:{offered}"))


def test_candidates_and_their_default() -> None:
    description = local.answer(Description.parse(OFFER), agreed(OFFER), OWN, {"video": 300})
    text = description.render(["candidate:x"], ("2001:db8::1", 5000))
    assert text.count("a=candidate:x\r\n") == 2
    assert "m=video 5000 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP6 2001:db8::1\r\nb=AS:300\r\n" in text


def test_an_offer_of_our_own() -> None:
    text = local.offer(OWN, ["audio", "video"], "recvonly", 3).render([])
    read = Description.parse(text)
    assert [(m.mid, m.direction, m.transport.setup) for m in read.media] == [
        ("audio0", "recvonly", "actpass"),
        ("video0", "recvonly", "actpass"),
    ]
    assert "a=msid:" not in text
