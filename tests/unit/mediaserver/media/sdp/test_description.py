"""Reading session descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.media.sdp.description import Description, InvalidSdp
from testkit.fakes.sdp import CHROMIUM, OFFER, described, media


def test_what_chromium_writes() -> None:
    read = Description.parse(CHROMIUM)
    audio, video, data = read.media
    assert read.bundles == [["0", "1", "2"]]
    assert (audio.kind, audio.mid, audio.direction, audio.ssrcs) == ("audio", "0", "sendrecv", [11])
    opus = audio.codec("opus")
    assert opus is not None
    assert (opus.payload_type, opus.rate, opus.fmtp) == (111, 48000, "minptime=10;useinbandfec=1")
    vp8 = video.codec("vp8")
    assert vp8 is not None
    assert vp8.feedback == ["nack pli", "goog-remb", "transport-cc"]
    assert video.codec("h264") is None
    assert data.formats == ["webrtc-datachannel"]
    assert audio.transport.fingerprints == video.transport.fingerprints == [("sha-256", "AA:BB")]
    assert (video.transport.ufrag, video.transport.setup) == ("efgh", "actpass")


def test_bundle_groups_and_layers() -> None:
    text = described(media("audio", mid="a"), media("video", "ssrc-group:FID 4 5", "ssrc-group:SIM 4 6 8", mid="v"))
    audio, video = Description.parse(text).media
    assert video.simulcast == [4, 6, 8]
    for groups, expected in (((), [audio.mid]), (("x", "a v"), ["a", "v"]), (("a", "v"), ["a"])):
        read = Description.parse(
            text.replace("t=0 0\r\n", "t=0 0\r\n" + "".join(f"a=group:BUNDLE {g}\r\n" for g in groups))
        )
        assert [line.mid for line in read.bundled_with(read.media[0])] == expected


def test_a_direction_for_all_lines_that_say_nothing_else() -> None:
    text = described(media("audio"), media("video", "sendonly")).replace("t=0 0", "t=0 0\r\na=recvonly")
    assert [line.direction for line in Description.parse(text).media] == ["recvonly", "sendonly"]


def test_what_aiortc_writes() -> None:
    video, audio = Description.parse(OFFER).media
    assert len(video.candidates) == 2
    assert video.candidates[0].startswith("candidate:")
    assert len(audio.transport.fingerprints) == 3


@pytest.mark.parametrize("text", ["garbage", "", "v=0\nnonsense", "o=-\r\nv=0", "v=0\nm=audio x y z"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(InvalidSdp):
        Description.parse(text)


@pytest.mark.parametrize("line", ["a=rtpmap:96 VP8", "a=ssrc:x cname:y", "a=fingerprint:sha-256", "a=rtpmap:96 VP8/x"])
def test_broken_attributes(line: str) -> None:
    with pytest.raises(InvalidSdp, match="Error parsing"):
        Description.parse(f"v=0\nm=video 9 UDP/TLS/RTP/SAVPF 96\n{line}\n")


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=30), max_size=20))
def test_nothing_else_is_raised(lines: list[str]) -> None:
    for text in ("\n".join(["v=0", *lines]), "\n".join(["v=0", "m=audio 9 X 1", *(f"a={line}" for line in lines)])):
        try:
            Description.parse(text)
        except InvalidSdp:
            continue
