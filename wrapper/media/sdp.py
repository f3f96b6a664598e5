"""SDP answers: which media of an offer they take, and on which of its lines candidates are of use."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from callplane.contracts.shapes import Kind, MediaKind

MEDIA_KINDS: tuple[MediaKind, ...] = ("audio", "video")
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_SENDS, _RECEIVES = frozenset({"sendrecv", "sendonly"}), frozenset({"sendrecv", "recvonly"})


@dataclass
class Section:
    """One ``m=`` line with the attributes that matter here."""

    kind: str
    port: str
    direction: str
    mid: str = ""
    muxed: bool = False
    candidates: list[str] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Whether an answer accepts this line: a rejected one has port zero (RFC 3264, 6)."""
        return self.port.partition("/")[0] != "0"


@dataclass
class Described:
    """A session description as far as it matters here; ``bundle`` holds the mids of each BUNDLE group."""

    sections: list[Section] = field(default_factory=list)
    bundles: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, sdp: str) -> "Described":
        """Read one; what is not understood is passed over, for a media server has read it before."""
        made, direction = cls(), "sendrecv"
        for name, value in _lines(sdp):
            section = made.sections[-1] if made.sections else None
            if name == "m":
                kind, port, *_ = [*value.split(), "", ""]
                made.sections.append(Section(kind, port, direction))
            elif section is None and name in _DIRECTIONS:
                direction = name  # for every line that says nothing else (RFC 8866, 6.7)
            elif section is None and name == "group" and value.split()[:1] == ["BUNDLE"]:
                made.bundles.append(value.split()[1:])
            elif section is not None:
                _attribute(section, name, value)
        return made


def _lines(sdp: str) -> Iterator[tuple[str, str]]:
    """Each ``m=`` line and each attribute, with its value."""
    for line in sdp.splitlines():
        key, _, rest = line.strip().partition("=")
        if key == "m":
            yield "m", rest
        elif key == "a":
            name, _, value = rest.partition(":")
            yield name, value


def _attribute(section: Section, name: str, value: str) -> None:
    if name in _DIRECTIONS:
        section.direction = name
    elif name == "mid":
        section.mid = value
    elif name == "rtcp-mux":
        section.muxed = True
    elif name == "candidate":
        section.candidates.append(f"candidate:{value}")


def offered(offer: str) -> list[MediaKind]:
    """The media that an offer would send."""
    sent = {section.kind for section in Described.read(offer).sections if section.direction in _SENDS}
    return [medium for medium in MEDIA_KINDS if medium in sent]


def accepted(kind: Kind, offer: str, answer: str) -> list[MediaKind]:
    """The media that will flow: of a publisher those that it sends and the answer receives, of a viewer the reverse.

    The lines of an answer are those of its offer, in the same order (RFC 3264, 6).
    """
    ours, theirs = (_SENDS, _RECEIVES) if kind == "publish" else (_RECEIVES, _SENDS)
    pairs = zip(Described.read(offer).sections, Described.read(answer).sections, strict=False)
    flowing = {
        wanted.kind for wanted, got in pairs if got.taken and wanted.direction in ours and got.direction in theirs
    }
    return [medium for medium in MEDIA_KINDS if medium in flowing]


@dataclass(frozen=True, slots=True)
class UsefulCandidates:
    """Which of a media server's candidates are of use to the other side of an answer.

    A media server tells each candidate once for each line and component. Lines of a BUNDLE group share the transport
    of its first line (RFC 8843, 7.3), and where RTCP is multiplexed there is one component (RFC 5761, 5.1.1).
    """

    lines: frozenset[int]
    muxed: frozenset[int]

    @classmethod
    def to(cls, answer: str) -> "UsefulCandidates":
        """To whoever gets this answer."""
        described = Described.read(answer)
        sections = [(n, s) for n, s in enumerate(described.sections) if s.taken]
        taken = {section.mid for _, section in sections}
        bundles = [[mid for mid in group if mid in taken] for group in described.bundles]
        followers = {mid for group in bundles for mid in group[1:]}
        return cls(
            frozenset(n for n, section in sections if not section.mid or section.mid not in followers),
            frozenset(n for n, section in sections if section.muxed),
        )

    def takes(self, candidate: str, line: int) -> bool:
        """Whether this candidate is one of them; its component is the second field (RFC 8839, 5.1)."""
        component = [*candidate.split(), "", ""][1]
        return line in self.lines and (component != "2" or line not in self.muxed)
