"""What of an offer is taken, and how it is answered."""

import re

import pytest

from mediaserver.media.sdp import local
from mediaserver.media.sdp.description import Description
from mediaserver.media.sdp.local import Identity, Place
from mediaserver.media.sdp.negotiation import Agreement, Unanswerable, agree
from testkit.fakes.sdp import CHROMIUM, OFFER, described, media

SSRCS = {"audio": 1, "video": 2}
OWN = [Identity(f"ufrag{n}", "password", "FF:EE", "cname", "stream", SSRCS) for n in range(2)]


def agreed(text: str) -> Agreement:
    """Agree with both directions allowed."""
    return agree(Description.parse(text), receives=True, sends=True)


def answered(text: str) -> str:
    """Answer without candidates."""
    parsed = Description.parse(text)
    return local.answer(parsed, agreed(text), OWN, {}).render()


def taken(text: str) -> list[list[str]]:
    """Return the mids that were taken, by transport."""
    return [[chosen.mid for chosen in bundle.chosen] for bundle in agreed(text).bundles]


def heads(text: str) -> list[tuple[str, str]]:
    """Return the port and direction of each line of an answer."""
    lines = text.split("\r\n")
    ports = [line.split()[1] for line in lines if line.startswith("m=")]
    ways = [line[2:] for line in lines if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive")]
    return list(zip(ports, ways, strict=True))


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
    (bundle,) = agreed(CHROMIUM).bundles
    assert bundle.transport.ufrag == "abcd"
    assert bundle.places == {0, 1, 2}
    assert [(c.kind, c.receives, c.sends, c.remote_ssrc) for c in bundle.chosen] == [
        ("audio", True, True, 11),
        ("video", False, True, None),
    ]


def test_one_line_of_each_kind() -> None:
    doubled = OFFER + OFFER[OFFER.index("m=audio") :].replace("a=mid:1", "a=mid:2")
    assert taken(doubled) == [["0", "1"]]
    assert taken(OFFER.replace("m=video 38335", "m=video 0")) == [["1"]]


@pytest.mark.parametrize("idle", ["inactive", "recvonly"])
def test_the_line_that_sends_goes_before_one_that_does_not(idle: str) -> None:
    kinds = [("audio", idle), ("video", idle), ("audio", "sendonly"), ("video", "sendrecv")]
    lines = [media(kind, way, mid=str(n)) for n, (kind, way) in enumerate(kinds)]
    text = answered(described(*lines, bundles=("0 1 2 3",)))
    assert heads(text) == [("0", "inactive"), ("0", "inactive"), ("9", "recvonly"), ("9", "sendrecv")]
    assert "a=group:BUNDLE 2 3\r\n" in text


def test_an_endpoint_that_only_sends_takes_the_line_that_receives() -> None:
    text = described(media("video", "sendonly", mid="0"), media("video", "recvonly", mid="1"), bundles=("0 1",))
    agreement = agree(Description.parse(text), receives=False, sends=True)
    assert [(c.mid, c.sends) for c in agreement.bundles[0].chosen] == [("1", True)]


@pytest.mark.parametrize(
    ("bundles", "transports", "groups"),
    [
        ((), [["a"], ["v"]], []),
        (("a",), [["a"], ["v"]], ["a"]),
        (("a", "v"), [["a"], ["v"]], ["a", "v"]),
        (("a v", "x"), [["a", "v"]], ["a v"]),
        (("x v", "a"), [["a"], ["v"]], ["a", "v"]),
        (("a", "a v"), [["a"], ["v"]], ["a", "v"]),
    ],
)
def test_what_is_not_bundled_has_a_transport_of_its_own(
    bundles: tuple[str, ...], transports: list[list[str]], groups: list[str]
) -> None:
    text = described(media("audio", mid="a"), media("video", mid="v"), media("audio", mid="x"), bundles=bundles)
    assert taken(text) == transports
    answer = answered(text)
    assert [line[15:] for line in answer.split("\r\n") if line.startswith("a=group")] == groups
    assert heads(answer)[2][0] == "0"
    assert [bundle.transport.ufrag for bundle in agreed(text).bundles] == [f"uf{mids[0]}" for mids in transports]
    read = Description.parse(answer)
    assert [line.transport.ufrag for line in read.media[:2]] == ["ufrag0", f"ufrag{len(transports) - 1}"]


def test_lines_without_mids_have_transports_of_their_own() -> None:
    text = described(media("audio"), media("video"))
    assert taken(text) == [[""], [""]]
    assert "group" not in answered(text)


def test_a_line_with_port_0_is_refused_even_if_it_is_bundle_only() -> None:
    text = described(media("audio", mid="0"), media("video", "bundle-only", mid="1", port=0), bundles=("0 1",))
    assert heads(answered(text)) == [("9", "sendrecv"), ("0", "inactive")]
    assert "a=group:BUNDLE 0\r\n" in answered(text)


@pytest.mark.parametrize(
    "line",
    [
        media("video", codec="H264/90000"),
        ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2", "a=sctp-port:5000"],
        ["m=video 52126 RTP/AVP 96", "a=rtpmap:96 VP8/90000"],
        media("audio", port=0),
    ],
)
def test_what_we_have_nothing_for_is_answered_with_refused_lines(line: list[str]) -> None:
    text = described(line)
    assert agreed(text).bundles == ()
    assert re.findall("(?m)^m=\\S+ (\\d+)", answered(text)) == ["0"]


def test_of_layers_one_is_taken() -> None:
    text = described(media("video", "ssrc:4 cname:c", "ssrc:9 cname:c", "ssrc-group:SIM 9 4 7"))
    assert [(c.remote_ssrc, c.layered) for c in agreed(text).bundles[0].chosen] == [(9, True)]
    alone = text.replace("a=ssrc-group:SIM 9 4 7\r\n", "")
    assert [(c.remote_ssrc, c.layered) for c in agreed(alone).bundles[0].chosen] == [(4, False)]


@pytest.mark.parametrize("lacking", ["a=rtcp-mux", "a=ice-ufrag:.*", "a=fingerprint:.*", "m=.*"])
def test_what_cannot_be_answered(lacking: str) -> None:
    with pytest.raises(Unanswerable):
        agreed(re.sub(f"(?m)^{lacking}\r\n", "", OFFER))


@pytest.mark.parametrize(("offered", "ours"), [("actpass", "active"), ("active", "passive"), ("passive", "active")])
def test_the_dtls_roles(offered: str, ours: str) -> None:
    assert f"a=setup:{ours}\r\n" in answered(OFFER.replace("setup:actpass", f"setup:{offered}"))


def test_candidates_and_their_default() -> None:
    description = local.answer(Description.parse(OFFER), agreed(OFFER), OWN, {"video": 300})
    text = description.render([Place(["candidate:x"], ("2001:db8::1", 5000))])
    assert text.count("a=candidate:x\r\n") == 2
    assert "m=video 5000 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP6 2001:db8::1\r\nb=AS:300\r\n" in text


def test_an_offer_of_our_own() -> None:
    text = local.offer(OWN[:1], ["audio", "video"], "recvonly", 3).render()
    read = Description.parse(text)
    assert [(m.mid, m.direction, m.transport.setup) for m in read.media] == [
        ("audio0", "recvonly", "actpass"),
        ("video0", "recvonly", "actpass"),
    ]
    assert "a=msid:" not in text
