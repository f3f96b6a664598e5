"""`callplane events`: the stream of everything that happens, shown as it comes, from its beginning, or copied on."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import shown
from cli.verbs.server import Server

if TYPE_CHECKING:
    from callplane_client import AsyncCallplane, AsyncEventStream

_ABOUT = """\
Read the stream of events: every visible change of the sessions of your tenant, and who asked for it.

It is kept for some days (CALLPLANE_EVENT_STREAM_DAYS). An event may come twice, under the id that it had."""

_EXAMPLES = """\
  callplane events tail                                     what happens from now on
  callplane events tail --from 2026-01-05T09:30:00Z --type session-closed
  callplane events replay --from first --json > events.jsonl
  callplane events replay --from 4711 --session 6a2f41a3-...
  callplane events export --kafka kafka-1:9092,kafka-2:9092 --topic calls"""


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    events = noun(among, "events", _ABOUT, _EXAMPLES)
    tailing = events.verb("tail", "show events as they come, until Ctrl-C", tail)
    replay = events.verb("replay", "show the events that there are, and end", _replay)
    copied = events.verb("export", "copy the stream to Kafka, at least once, until Ctrl-C", _export)
    for verb, start in ((tailing, "next"), (replay, "first"), (copied, "first")):
        verb.add_argument(
            "--from",
            dest="start",
            default=start,
            metavar="OFFSET|first|next|TIMESTAMP",
            help="begin there (%(default)s)",
        )
        verb.add_argument("--type", action="append", default=[], help="only events of this type; may be repeated")
        verb.add_argument("--session", metavar="ID", help="only events of this session")
    tailing.add_argument("--count", type=int, metavar="N", help="end after so many")
    copied.add_argument("--kafka", required=True, metavar="HOST:PORT,…", help="brokers to begin with (bootstrap)")
    copied.add_argument("--topic", default="callplane-events", help="(%(default)s)")
    copied.add_argument(
        "--position",
        default="callplane-events.position",
        metavar="FILE",
        help="where it is kept how far Kafka has it; --from counts only where there is no such file (%(default)s)",
    )
    copied.add_argument("--once", action="store_true", help="end with the newest that there was at the start")


def only(given: argparse.Namespace, *, follow: bool) -> dict[str, Any]:
    """Which events are meant, and whether to wait for more."""
    return {"type": given.type, "follow": follow} | ({"session": given.session} if given.session else {})


def tail(given: argparse.Namespace, server: Server) -> int:
    """Show events as they come."""
    return _talk(lambda callplane: _show(given, callplane, follow=True), given, server)


def _replay(given: argparse.Namespace, server: Server) -> int:
    given.count = None
    return _talk(lambda callplane: _show(given, callplane, follow=False), given, server)


def _talk(verb: Callable[["AsyncCallplane"], Awaitable[int]], given: argparse.Namespace, server: Server) -> int:
    # Not before it is needed: --help should not wait for the client to be imported.
    from cli.verbs.talking import talk

    return talk(lambda _, callplane: verb(callplane), given, server)


async def _show(given: argparse.Namespace, callplane: "AsyncCallplane", *, follow: bool) -> int:
    if follow:
        print("Events as they come; Ctrl-C ends it.", file=sys.stderr)
    stream = callplane.events.stream(given.start, **only(given, follow=follow))
    left: int | None = given.count
    try:
        while left != 0 and (batch := await stream.batch()):
            for one in batch[:left]:
                print(one.body if given.json else _line(json.loads(one.body)))
            sys.stdout.flush()
            left = None if left is None else max(0, left - len(batch))
            tell_of_gaps(stream)
    finally:
        await stream.aclose()
    return 0


def tell_of_gaps(stream: "AsyncEventStream") -> None:
    """Say so, once each time, where what was to follow is not kept any more."""
    if stream.gaps:
        stream.gaps = 0
        print("The place in the stream is not kept any more: events may be missing.", file=sys.stderr)


def _export(given: argparse.Namespace, server: Server) -> int:
    from cli.kafka_export import export

    return _talk(lambda callplane: export(given, callplane), given, server)


def _line(event: dict[str, Any]) -> str:
    version = f" v{event['sessionversion']}" if "sessionversion" in event else ""
    data = json.dumps(event.get("data"), ensure_ascii=False)
    facts = f"{event['type']:<24} {event.get('sessionid') or '-'}{version}  {event.get('actor') or '-'}  {data}"
    return shown(f"{event['time'][:23].rstrip('Z')}  {facts}")
