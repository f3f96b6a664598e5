"""Decides what of an offer or answer this server takes: one VP8 and one Opus line over one transport."""

from dataclasses import dataclass

from mediaserver.media.sdp.description import Codec, Description, MediaLine, Transport

CODECS = {"audio": "opus", "video": "vp8"}
CLOCKS = {"audio": 48000, "video": 90000}


class Unanswerable(Exception):
    """Nothing in the description can be taken."""


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

    @property
    def direction(self) -> str:
        """The direction attribute as we write it."""
        if self.receives:
            return "sendrecv" if self.sends else "recvonly"
        return "sendonly" if self.sends else "inactive"


@dataclass(frozen=True)
class Agreement:
    """What was taken, and the peer's transport."""

    chosen: tuple[Chosen, ...]
    transport: Transport
    candidates: tuple[str, ...]

    def of(self, index: int) -> Chosen | None:
        """The accepted line at that place, if it was."""
        return next((c for c in self.chosen if c.index == index), None)


def agree(remote: Description, *, receives: bool, sends: bool) -> Agreement:
    """Choose from the peer's lines; what we may do is bounded by the endpoint's own flags."""
    taken: list[tuple[MediaLine, Codec]] = []
    for line in remote.media:
        codec = _acceptable(line)
        if codec is None or any(line.kind == other.kind for other, _ in taken):
            continue
        # a second transport would be needed for a line outside the first one's BUNDLE group
        if taken and not (line.mid in remote.bundle and taken[0][0].mid in remote.bundle):
            continue
        taken.append((line, codec))
    if not taken:
        raise Unanswerable("no VP8 or Opus over DTLS-SRTP with rtcp-mux")
    return Agreement(
        tuple(_chosen(line, codec, receives=receives, sends=sends) for line, codec in taken),
        _first_transport(remote, taken[0][0]),
        tuple(candidate for line, _ in taken for candidate in line.candidates),
    )


def _acceptable(line: MediaLine) -> Codec | None:
    wanted = CODECS.get(line.kind)
    if wanted is None or (line.port == 0 and not line.bundle_only):
        return None
    return line.codec(wanted) if line.rtcp_mux and "SAVP" in line.profile else None


def _first_transport(remote: Description, line: MediaLine) -> Transport:
    same = [m for m in remote.media if m is line or (m.mid in remote.bundle and line.mid in remote.bundle)]
    for candidate in (line, *same):
        found = candidate.transport
        if found.ufrag and found.password and found.fingerprints:
            return found
    raise Unanswerable("no ICE credentials or DTLS fingerprint")


def _chosen(line: MediaLine, codec: Codec, *, receives: bool, sends: bool) -> Chosen:
    return Chosen(
        kind=line.kind,
        index=line.index,
        mid=line.mid,
        codec=codec,
        receives=receives and line.direction in ("sendrecv", "sendonly"),
        sends=sends and line.direction in ("sendrecv", "recvonly"),
        remote_ssrc=line.ssrcs[0] if line.ssrcs else None,
    )
