"""`callplane join`: takes part in a call without a browser, with a synthetic picture or a file."""

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_json, print_table
from cli.verbs.server import Failed, Server
from cli.waiting import waiting

if TYPE_CHECKING:
    from callplane_client import AsyncCallplane
    from cli.calls.callers import InCall

_ABOUT = """\
Join a call without a browser: send a synthetic picture or a file, receive everybody else, until Ctrl-C.

What is received is decoded and counted, not shown; --record writes each stream into a file of its own. Lost media is
offered again, as browsers do, and goes on in another file. It needs aiortc (pip install 'callplane[media]')."""

_EXAMPLES = """\
  callplane join 6a2f41a3-...                          a synthetic picture and sound
  callplane join 6a2f41a3-... --publish talk.webm      a file, again and again
  callplane join 6a2f41a3-... --publish none --seconds 30 --json     only receive, and count
  callplane join 6a2f41a3-... --publish none --record call.webm      the second stream becomes call-2.webm
  callplane join 6a2f41a3-... --publish none --record calls/         calls/received.webm, calls/received-2.webm, …"""

_COLUMNS = ("participant", "first_frame_ms", "pictures", "sounds")
_KINDS = (".webm", ".mkv", ".mp4")


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    join = alone(among, "join", _ABOUT, _EXAMPLES, _join)
    join.add_argument("session", help="its id")
    join.add_argument("--name", default="callplane join", help="what others see (%(default)s)")
    join.add_argument("--publish", default="synthetic", metavar="WHAT", help="synthetic, none, or a file (%(default)s)")
    join.add_argument("--no-subscribe", action="store_true", help="receive nobody")
    about = f"write what is received: a file ({', '.join(_KINDS)}), or a directory; nothing is written over"
    join.add_argument("--record", type=_place, metavar="FILE", help=about)
    join.add_argument("--seconds", type=float, metavar="N", help="leave after so long")


def _place(text: str) -> Path:
    place = Path(text)
    if text.endswith("/") or place.is_dir():
        return place / "received.webm"
    if place.suffix not in _KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} ends with none of {', '.join(_KINDS)}, and is no directory")
    return place


def _join(given: argparse.Namespace, server: Server) -> int:
    if given.publish not in ("synthetic", "none") and not Path(given.publish).is_file():
        raise Failed(f"There is no file {given.publish}.", 2)
    if given.record is not None:
        if given.no_subscribe:
            raise Failed("--record writes what is received, and --no-subscribe receives nothing.", 2)
        given.record.parent.mkdir(parents=True, exist_ok=True)
    try:
        import cli.calls.callers  # noqa: F401
    except ImportError as missing:
        raise Failed(f"This needs aiortc ({missing.name} is not there): pip install 'callplane[media]'") from None
    from cli.verbs.talking import talk

    return talk(_stay, given, server)


async def _stay(given: argparse.Namespace, callplane: "AsyncCallplane") -> int:
    from cli.calls.callers import Caller, in_call

    source = "" if given.publish == "none" else given.publish
    caller = Caller(given.name, source, not given.no_subscribe, record=given.record)
    async with AsyncExitStack() as stack:
        with waiting(f"joining {given.session}"):
            somebody = await stack.enter_async_context(in_call(callplane, given.session, caller))
        print(f"In {given.session} as {somebody.seat.id}; Ctrl-C leaves.", file=sys.stderr)
        end = None if given.seconds is None else time.monotonic() + given.seconds
        try:
            while not somebody.media.is_over and (end is None or time.monotonic() < end):
                await asyncio.sleep(min(1.0, max(0.0, (end or float("inf")) - time.monotonic())))
                if sys.stderr.isatty():
                    print(f"\r\x1b[2K{_summary(somebody)}", end="", file=sys.stderr, flush=True)
        finally:
            _tell(given, somebody)
    return 0


def _summary(somebody: "InCall") -> str:
    received = list(somebody.reception.received.values())
    people = len({one.publisher for one in received})
    trouble = f"; {somebody.troubles[-1]}" if somebody.troubles else ""
    return f"receiving {people}: {sum(one.video for one in received)} pictures{trouble}"


def _tell(given: argparse.Namespace, somebody: "InCall") -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {
            "participant": one.publisher,
            "first_frame_ms": None if one.first_after is None else round(one.first_after * 1000),
            "pictures": one.video,
            "sounds": one.audio,
            **({} if one.file is None else {"file": str(one.file)}),
        }
        for one in somebody.reception.received.values()
    ]
    if given.json:
        joined = {"participant_id": somebody.seat.id, "join_ms": round(somebody.joined_after * 1000)}
        print_json({**joined, "received": rows, "troubles": somebody.troubles})
        return
    columns = _COLUMNS if given.record is None else (*_COLUMNS, "file")
    print_table(rows, *columns, nothing="Nobody was received.")
    for trouble in somebody.troubles:
        print(f"callplane: {trouble}", file=sys.stderr)
