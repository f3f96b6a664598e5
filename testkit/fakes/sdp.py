"""Session descriptions: what a real peer wrote, and an offer with all that Chromium puts into one."""

from testkit.fakes.kurento_frames import exchanges

OFFER: str = next(
    each.params["operationParams"]["offer"]
    for each in exchanges()
    if each.name == "invoke processOffer" and "error" not in each.response
)
ANSWER: str = next(
    each.params["operationParams"]["answer"] for each in exchanges() if each.name == "invoke processAnswer"
)

_CODECS = {"audio": (111, "opus/48000/2"), "video": (96, "VP8/90000")}


def media(kind: str, *attributes: str, mid: str = "", codec: str = "", port: int = 9) -> list[str]:
    """Write one line of a peer with ICE, DTLS and rtcp-mux; each mid has credentials of its own."""
    number, known = _CODECS[kind]
    lines = [f"m={kind} {port} UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", *([f"a=mid:{mid}"] if mid else [])]
    lines += [f"a=ice-ufrag:uf{mid}", "a=ice-pwd:0123456789012345678901", "a=setup:actpass", "a=rtcp-mux"]
    lines += [f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}", f"a=rtpmap:{number} {codec or known}"]
    return [*lines, *(f"a={each}" for each in attributes)]


def described(*lines: list[str], bundles: tuple[str, ...] = ()) -> str:
    """Write a description of such lines; ``bundles`` are the mids of each BUNDLE group."""
    head = ["v=0", "o=- 7 2 IN IP4 192.0.2.7", "s=-", "t=0 0", *(f"a=group:BUNDLE {mids}" for mids in bundles)]
    return "\r\n".join([*head, *(each for line in lines for each in line)]) + "\r\n"


PLAIN = "\r\n".join(
    [
        *("v=0", "o=- 5 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"),
        *("m=audio 40100 RTP/AVP 98 0", "a=rtpmap:98 opus/48000/2", "a=rtpmap:0 PCMU/8000", "a=sendrecv"),
        *("m=video 40200 RTP/AVPF 96 100", "a=rtpmap:96 MP4V-ES/90000", "a=rtpmap:100 VP8/90000"),
        *("a=rtcp-fb:100 nack pli", "a=rtcp:40205", "a=sendonly", ""),
    ]
)
"""An offer of plain RTP (RFC 3264); nothing listens at its ports."""

CHROMIUM = """\
v=0
o=- 46 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS s1
a=fingerprint:sha-256 AA:BB
a=setup:actpass
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=ice-options:trickle
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:s1 t1
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=ssrc:11 cname:c
a=ssrc:11 msid:s1 t1
m=video 9 UDP/TLS/RTP/SAVPF 39 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:efgh
a=ice-pwd:0123456789012345678901
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:39 AV1/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:* nack pli
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rid:h send
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
"""


def plain(direction: str, *codecs: str, tail: str = "") -> str:
    """A description with a line for each codec (Opus and VP8), in one BUNDLE group, that goes one way."""
    named = codecs or ("opus/48000/2", "VP8/90000")
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(map(str, range(len(named))))}",
    ]
    for n, codec in enumerate(named):
        kind = "audio" if codec.endswith("/48000/2") else "video"
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", f"a=mid:{n}", f"a={direction}", "a=rtcp-mux"]
        lines += ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "a=setup:actpass", f"a=rtpmap:96 {codec}"]
        lines += [f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}"]
    return "\r\n".join(lines) + "\r\n" + tail
