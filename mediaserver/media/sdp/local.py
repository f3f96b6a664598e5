"""SDP writer: our side of a description, without candidates first and with them once they are gathered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mediaserver.media.sdp.description import Codec, Description, MediaLine
from mediaserver.media.sdp.negotiation import Agreement, Chosen

_FEEDBACK = ("nack", "nack pli", "goog-remb", "ccm fir")
"""What we react to; transport-cc is left out, so that Chromium follows our REMB."""


@dataclass(frozen=True)
class Identity:
    """What is ours in every line of a transport; plain RTP has neither ICE nor DTLS, and no `ufrag`."""

    ufrag: str
    password: str
    fingerprint: str
    cname: str
    stream: str
    ssrcs: dict[str, int]


@dataclass(frozen=True)
class Place:
    """Where a transport of ours can be reached, as far as it is known yet."""

    candidates: Sequence[str] = ()
    default: tuple[str, int] | None = None
    rtcp: int = 0


@dataclass
class Section:
    """One media line of ours; `transport` is its number, None where we refused the line with port 0."""

    head: MediaLine
    formats: str
    transport: int | None
    attributes: list[str] = field(default_factory=list)
    bandwidth: int = 0


@dataclass
class LocalDescription:
    """Our description; `render` puts candidates into it."""

    origin: str
    bundles: list[list[str]]
    sections: list[Section]

    def render(self, places: Sequence[Place] = ()) -> str:
        """Write it, with the place of each transport; the default one is for the c= and m= lines (RFC 8839)."""
        lines = ["v=0", f"o={self.origin}", "s=Callplane Media Server", "t=0 0", "a=msid-semantic:WMS *"]
        lines += [f"a=group:BUNDLE {' '.join(mids)}" for mids in self.bundles]
        for section in self.sections:
            number = section.transport
            place = places[number] if number is not None and number < len(places) else Place()
            lines += _section(section, place)
        return "\r\n".join(lines) + "\r\n"


def _section(section: Section, place: Place) -> list[str]:
    host, port = place.default or ("0.0.0.0", 9)
    address = f"IN IP{6 if ':' in host else 4} {host}"
    accepted, head = section.transport is not None, section.head
    lines = [f"m={head.kind} {port if accepted else 0} {head.profile} {section.formats}", f"c={address}"]
    if section.bandwidth:
        lines.append(f"b=AS:{section.bandwidth}")
    lines += [f"a={each}" for each in section.attributes]
    if accepted:
        lines += [f"a=rtcp:{place.rtcp or port} {address}", *(f"a={each}" for each in place.candidates)]
    return lines


def answer(
    offer: Description, agreed: Agreement, own: Sequence[Identity], bandwidth: dict[str, int]
) -> LocalDescription:
    """Answer every line of the offer, in its order (RFC 3264, 6), with an identity for each bundle."""
    sections = []
    for line in offer.media:
        found = agreed.of(line.index)
        if found is None:
            mid = [f"mid:{line.mid}"] if line.mid else []
            sections.append(Section(line, " ".join(line.formats), None, ["inactive", *mid]))
            continue
        number, chosen = found
        setup = "passive" if agreed.bundles[number].transport.setup == "active" else "active"
        section = Section(line, str(chosen.codec.payload_type), number)
        section.attributes = _attributes(chosen, own[number], setup, _common(line, chosen.codec))
        section.bandwidth = bandwidth.get(chosen.kind, 0)
        sections.append(section)
    bundles = [[chosen.mid for chosen in bundle.chosen] for bundle in agreed.bundles if bundle.grouped]
    return LocalDescription(offer.origin or "- 0 0 IN IP4 0.0.0.0", bundles, sections)


def offer(own: Sequence[Identity], kinds: list[str], direction: str, serial: int) -> LocalDescription:
    """Offer the codecs that we forward, with Kurento's own mids, bundled unless there is an identity for each."""
    made = {
        "audio": Codec(96, "opus", 48000, "minptime=10;useinbandfec=1"),
        "video": Codec(97, "VP8", 90000, "", list(_FEEDBACK)),
    }
    sections = []
    for index, kind in enumerate(kinds):
        codec = made[kind]
        number = min(index, len(own) - 1)
        profile = "UDP/TLS/RTP/SAVPF" if own[number].ufrag else "RTP/AVPF"
        head = MediaLine(kind, 9, profile, [str(codec.payload_type)], index, mid=f"{kind}0")
        chosen = Chosen(kind, index, head.mid, codec, "recv" in direction, "send" in direction, None)
        attributes = _attributes(chosen, own[number], "actpass", codec.feedback)
        sections.append(Section(head, head.formats[0], number, attributes))
    origin = f"- {serial} {serial} IN IP4 0.0.0.0"
    bundles = [[s.head.mid for s in sections]] if len(own) == 1 and own[0].ufrag else []
    return LocalDescription(origin, bundles, sections)


def _common(line: MediaLine, codec: Codec) -> list[str]:
    return [each for each in _FEEDBACK if each in codec.feedback and line.profile.endswith("F")]


def _attributes(chosen: Chosen, own: Identity, setup: str, feedback: list[str]) -> list[str]:
    codec = chosen.codec
    channels = "/2" if chosen.kind == "audio" else ""
    number, ssrc = codec.payload_type, own.ssrcs[chosen.kind]
    lines = [chosen.direction, *([f"mid:{chosen.mid}"] if chosen.mid else [])]
    lines.append(f"rtpmap:{number} {codec.name}/{codec.rate}{channels}")
    lines += [f"rtcp-fb:{number} {each}" for each in feedback]
    if codec.fmtp:
        lines.append(f"fmtp:{number} {codec.fmtp}")
    if not own.ufrag:
        return [*lines, f"ssrc:{ssrc} cname:{own.cname}"]
    lines += ["rtcp-mux", f"setup:{setup}"]
    if chosen.sends:
        # browsers fire ontrack with a stream only if the line names one (JSEP)
        track = f"{own.stream} {own.stream}-{chosen.kind}"
        lines += [f"msid:{track}", f"ssrc:{ssrc} cname:{own.cname}", f"ssrc:{ssrc} msid:{track}"]
    else:
        lines.append(f"ssrc:{ssrc} cname:{own.cname}")
    lines += [f"ice-ufrag:{own.ufrag}", f"ice-pwd:{own.password}", f"fingerprint:sha-256 {own.fingerprint}"]
    return lines
