"""SDP negotiation: takes one VP8 and one Opus line of an offer or answer, each over its bundle's transport."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from mediaserver.media.sdp.description import Codec, Description, MediaLine, Transport

CODECS = {"audio": "opus", "video": "vp8"}
CLOCKS = {"audio": 48000, "video": 90000}
PLAIN = ("RTP/AVP", "RTP/AVPF")


class Unanswerable(Exception):
    """What the description wants cannot be had over any transport that it allows."""


@dataclass(frozen=True)
class Chosen:
    """One accepted media line; the direction is ours."""

    kind: str
    index: int
    mid: str
    codec: Codec
    receives: bool
    sends: bool
    remote_ssrc: int | None
    layered: bool = False

    @property
    def direction(self) -> str:
        """The direction attribute as we write it."""
        if self.receives:
            return "sendrecv" if self.sends else "recvonly"
        return "sendonly" if self.sends else "inactive"


@dataclass(frozen=True)
class Bundle:
    """Accepted lines that share a transport, and the places of all lines that would have shared it (RFC 8843)."""

    chosen: tuple[Chosen, ...]
    places: frozenset[int]
    grouped: bool
    transport: Transport
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """What was taken: nothing, where the peer has nothing that we could take."""

    bundles: tuple[Bundle, ...]

    def of(self, index: int) -> tuple[int, Chosen] | None:
        """The accepted line at that place and the number of its bundle, if it was accepted."""
        found = ((n, chosen) for n, bundle in enumerate(self.bundles) for chosen in bundle.chosen)
        return next(((n, chosen) for n, chosen in found if chosen.index == index), None)


def agree(remote: Description, *, receives: bool, sends: bool) -> Agreement:
    """Choose from the peer's lines; what we may do is bounded by the endpoint's own flags."""
    wanted = [line for line in remote.media if "SAVP" in line.profile and _codec(line) is not None]
    able = [line for line in wanted if line.rtcp_mux and _transport(remote, line) is not None]
    if not remote.media or (wanted and not able):
        raise Unanswerable("no media over DTLS-SRTP with rtcp-mux, ICE credentials and a fingerprint")
    taken = _best(able, receives=receives)
    bundles: list[Bundle] = []
    for line in taken:
        if not any(line.index in bundle.places for bundle in bundles):
            bundles.append(_bundle(remote, line, taken, receives=receives, sends=sends))
    return Agreement(tuple(bundles))


def agree_plainly(remote: Description, *, receives: bool, sends: bool) -> Agreement:
    """Choose from the lines of a peer that speaks RTP without encryption; each has a transport of its own."""
    if not remote.media:
        raise Unanswerable("no media")
    able = [line for line in remote.media if line.profile in PLAIN and _reachable(line) and _codec(line) is not None]
    return Agreement(
        tuple(
            Bundle((_chosen(m, receives=receives, sends=sends),), frozenset({m.index}), False, m.transport, ())
            for m in _best(able, receives=receives)
        )
    )


def _reachable(line: MediaLine) -> bool:
    """Whether packets can be sent without asking for a name."""
    try:
        IPv4Address(line.transport.host)
    except ValueError:
        return False
    return True


def _best(able: list[MediaLine], *, receives: bool) -> list[MediaLine]:
    """One line of each kind: the first that sends, else the first that wants to receive."""
    found = []
    for kind in CODECS:
        same = sorted((m for m in able if m.kind == kind), key=lambda m: _worth(m, receives=receives), reverse=True)
        found += same[:1]
    return sorted(found, key=lambda m: m.index)


def _codec(line: MediaLine) -> Codec | None:
    # port 0 is a refusal here even with bundle-only: Kurento does not know RFC 8843, 6
    wanted = CODECS.get(line.kind)
    return line.codec(wanted) if wanted is not None and line.port else None


def _worth(line: MediaLine, *, receives: bool) -> int:
    if receives and line.direction in ("sendrecv", "sendonly"):
        return 2
    return line.direction in ("sendrecv", "recvonly")


def _transport(remote: Description, line: MediaLine) -> Transport | None:
    for other in (line, *remote.bundled_with(line)):
        found = other.transport
        if found.ufrag and found.password and found.fingerprints:
            return found
    return None


def _bundle(remote: Description, first: MediaLine, taken: list[MediaLine], *, receives: bool, sends: bool) -> Bundle:
    shared = remote.bundled_with(first)
    lines = [line for line in shared if line in taken]
    transport = _transport(remote, first)
    assert transport is not None
    return Bundle(
        tuple(_chosen(line, receives=receives, sends=sends) for line in lines),
        frozenset(line.index for line in shared),
        any(first.mid in mids for mids in remote.bundles),
        transport,
        tuple(candidate for line in shared for candidate in line.candidates),
    )


def _chosen(line: MediaLine, *, receives: bool, sends: bool) -> Chosen:
    codec = _codec(line)
    assert codec is not None
    ssrcs = line.simulcast or line.ssrcs
    return Chosen(
        kind=line.kind,
        index=line.index,
        mid=line.mid,
        codec=codec,
        receives=receives and line.direction in ("sendrecv", "sendonly"),
        sends=sends and line.direction in ("sendrecv", "recvonly"),
        remote_ssrc=ssrcs[0] if ssrcs else None,
        layered=bool(line.simulcast),
    )
