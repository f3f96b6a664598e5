"""Settings of the media server, read from its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MediaSettings:
    """What concerns media: bitrates in kbit/s, times in seconds."""

    max_video_bitrate: int = 1500
    media_timeout: float = 10.0
    flow_timeout: float = 2.0
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Everything the process can be told."""

    host: str = "127.0.0.1"
    port: int = 8888
    path: str = "kurento"
    gc_period: float = 240.0
    exception_limit: float = 0.8
    name: str = "mediaserver"
    media: MediaSettings = field(default_factory=MediaSettings)


_DESCRIPTION = """\
A small media server that speaks the Kurento protocol over WebSocket.

It has MediaPipeline, WebRtcEndpoint, RtpEndpoint (without SRTP), PassThrough, Dispatcher, DispatcherOneToMany and
HubPort, answers VP8 and Opus only, and forwards encoded packets without ever decoding them. Composite, PlayerEndpoint
and RecorderEndpoint can be made and connected, but mix, play and record nothing. When it listens it prints one JSON
line on standard output:
  {"name": "mediaserver", "port": 8888, "ready": true, "url": "ws://127.0.0.1:8888/kurento"}
SIGINT and SIGTERM end it at once."""


def build_parser() -> argparse.ArgumentParser:
    """The command line's options, with the defaults of the classes above."""
    parser = argparse.ArgumentParser(
        "mediaserver", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own, media = Settings(), MediaSettings()
    parser.add_argument("--host", default=own.host, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=own.port, help="TCP port, 0 for any free one (%(default)s)")
    parser.add_argument("--path", default=own.path, help="path of the WebSocket, without the slash (%(default)s)")
    parser.add_argument("--name", default=own.name, help="name in the ready line and in logs (%(default)s)")
    parser.add_argument(
        "--gc-period",
        type=_positive,
        default=own.gc_period,
        metavar="SECONDS",
        help="sessions without a connection end after one to two of these; fractions are fine (%(default)s)",
    )
    parser.add_argument(
        "--exception-limit",
        type=_positive,
        default=own.exception_limit,
        metavar="SHARE",
        help="share of the file descriptor limit beyond which creations get 40009 (%(default)s)",
    )
    parser.add_argument(
        "--max-video-bitrate",
        type=int,
        default=media.max_video_bitrate,
        metavar="KBIT",
        help="ceiling offered to publishers, kbit/s; an endpoint's maxVideoRecvBandwidth lowers it (%(default)s)",
    )
    parser.add_argument(
        "--media-timeout",
        type=_positive,
        default=media.media_timeout,
        metavar="SECONDS",
        help="silence of RTP and RTCP after which MediaStateChanged says DISCONNECTED (%(default)s)",
    )
    parser.add_argument(
        "--flow-timeout",
        type=_positive,
        default=media.flow_timeout,
        metavar="SECONDS",
        help="silence after which a media flow counts as stopped (%(default)s)",
    )
    parser.add_argument(
        "--address",
        action="append",
        default=[],
        metavar="IP",
        help="offer only this local address for media; may be repeated (default: every one but loopback)",
    )
    return parser


def parse_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line (by default the process's own)."""
    given = build_parser().parse_args(arguments)
    return Settings(
        host=given.host,
        port=given.port,
        path=given.path.removeprefix("/"),
        gc_period=given.gc_period,
        exception_limit=given.exception_limit,
        name=given.name,
        media=MediaSettings(given.max_video_bitrate, given.media_timeout, given.flow_timeout, tuple(given.address)),
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above zero")
    return value
