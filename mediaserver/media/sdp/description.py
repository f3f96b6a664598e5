"""SDP parser: reads a session description (RFC 8866) as far as a forwarding endpoint needs it."""

import re
from dataclasses import dataclass, field

_LINE = re.compile(r"^[a-z]=")
_MEDIA = re.compile(r"^(\S+) (\d+)(?:/\d+)? (\S+) (.+)$")
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


class InvalidSdp(ValueError):
    """The text is no session description."""


@dataclass
class Codec:
    """What the description says of one payload type."""

    payload_type: int
    name: str = ""
    rate: int = 0
    fmtp: str = ""
    feedback: list[str] = field(default_factory=list)


@dataclass
class Transport:
    """Where a media line is reached and how: ports, ICE and DTLS attributes, of the session or of the line."""

    ufrag: str = ""
    password: str = ""
    setup: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    lite: bool = False
    host: str = ""
    port: int = 0
    rtcp: int = 0


@dataclass
class MediaLine:
    """One m= section."""

    kind: str
    port: int
    profile: str
    formats: list[str]
    index: int
    mid: str = ""
    direction: str = "sendrecv"
    rtcp_mux: bool = False
    simulcast: list[int] = field(default_factory=list)
    codecs: dict[int, Codec] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    transport: Transport = field(default_factory=Transport)

    def codec(self, name: str) -> Codec | None:
        """Find the first codec of that name in the order of preference."""
        for pt in self.formats:
            found = self.codecs.get(int(pt)) if pt.isdigit() else None
            if found is not None and found.name.lower() == name:
                return found
        return None


@dataclass
class Description:
    """A whole description; `bundles` holds the mids of each of its BUNDLE groups."""

    origin: str = ""
    bundles: list[list[str]] = field(default_factory=list)
    media: list[MediaLine] = field(default_factory=list)

    def bundled_with(self, line: MediaLine) -> list[MediaLine]:
        """Return the lines that share the line's transport, itself among them (RFC 8843)."""
        group = next((mids for mids in self.bundles if line.mid in mids), [])
        return [other for other in self.media if other is line or other.mid in group]

    @classmethod
    def parse(cls, text: str) -> "Description":
        """Read a description; unknown lines and attributes are passed over."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or not lines[0].startswith("v=") or not all(map(_LINE.match, lines)):
            raise InvalidSdp("Invalid SDP")
        try:
            return _Reader().read(lines)
        except (ValueError, IndexError) as wrong:
            raise InvalidSdp("Error parsing SDP") from wrong


class _Reader:
    def __init__(self) -> None:
        self._description = Description()
        self._session = Transport()
        self._direction = "sendrecv"

    def read(self, lines: list[str]) -> Description:
        for line in lines:
            key, value = line[0], line[2:]
            if key == "o":
                self._description.origin = value
            elif key == "m":
                self._open(value)
            elif key == "c":
                opened = self._description.media
                (opened[-1].transport if opened else self._session).host = value.split()[2].partition("/")[0]
            elif key == "a":
                name, _, rest = value.partition(":")
                self._attribute(name, rest)
        for media in self._description.media:
            _inherit(media.transport, self._session)
        return self._description

    def _open(self, value: str) -> None:
        match = _MEDIA.match(value)
        if match is None:
            raise ValueError(value)
        kind, port, profile, formats = match.groups()
        index = len(self._description.media)
        made = MediaLine(kind, int(port), profile, formats.split(), index)
        made.direction = self._direction
        made.transport.port, made.transport.rtcp = int(port), int(port) + 1
        self._description.media.append(made)

    def _attribute(self, name: str, value: str) -> None:
        media = self._description.media[-1] if self._description.media else None
        if _transport(media.transport if media else self._session, name, value):
            return
        if media is None:
            if name == "group" and value.split()[:1] == ["BUNDLE"]:
                known = {mid for mids in self._description.bundles for mid in mids}  # a mid is of one group (RFC 8843)
                self._description.bundles.append([mid for mid in value.split()[1:] if mid not in known])
            elif name in _DIRECTIONS:
                self._direction = name  # for every line that says nothing else (RFC 8866, 6.7)
            return
        if name in ("rtpmap", "fmtp", "rtcp-fb"):
            _codec(media, name, value)
        else:
            _simple(media, name, value)


def _transport(into: Transport, name: str, value: str) -> bool:
    match name:
        case "ice-ufrag":
            into.ufrag = value
        case "ice-pwd":
            into.password = value
        case "ice-lite":
            into.lite = True
        case "rtcp":
            into.rtcp = int(value.split()[0])
        case "setup":
            into.setup = value
        case "fingerprint":
            algorithm, digest = value.split()
            into.fingerprints.append((algorithm.lower(), digest))
        case _:
            return False
    return True


def _inherit(own: Transport, session: Transport) -> None:
    own.ufrag = own.ufrag or session.ufrag
    own.password = own.password or session.password
    own.setup = own.setup or session.setup
    own.fingerprints = own.fingerprints or session.fingerprints
    own.lite = own.lite or session.lite
    own.host = own.host or session.host


def _codec(media: MediaLine, name: str, value: str) -> None:
    number, _, rest = value.partition(" ")
    if not number.isdigit():
        for each in media.codecs.values():  # rtcp-fb:* is for all of them (RFC 4585, 4.2)
            each.feedback.append(rest)
        return
    codec = media.codecs.setdefault(int(number), Codec(int(number)))
    if name == "rtpmap":
        codec.name, rate = rest.split("/")[:2]
        codec.rate = int(rate)
    elif name == "fmtp":
        codec.fmtp = rest
    else:
        codec.feedback.append(rest)


def _simple(media: MediaLine, name: str, value: str) -> None:
    if name == "mid":
        media.mid = value
    elif name in _DIRECTIONS:
        media.direction = name
    elif name == "rtcp-mux":
        media.rtcp_mux = True
    elif name == "ssrc-group" and value.split()[:1] == ["SIM"]:
        media.simulcast = [int(each) for each in value.split()[1:]]
    elif name == "candidate":
        media.candidates.append(f"candidate:{value}")
    elif name == "ssrc":
        ssrc = int(value.split()[0])
        if ssrc not in media.ssrcs:
            media.ssrcs.append(ssrc)
