"""`callplane tail`: shows what is said and done in a call, as it comes."""

import argparse
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from cli.verbs import events
from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import shown
from cli.verbs.server import Server
from cli.waiting import waiting

if TYPE_CHECKING:
    from callplane_client import AsyncCallplane
    from callplane_client.shapes import Message

_ABOUT = """\
Show what is said and done in a call, as it comes, until Ctrl-C.

It takes a seat of its own, which the others see, as a subscriber that is called "tail", and leaves when it ends.
Messages that are for one participant alone (answers, candidates, private signals) do not reach it. Without a session it
is what happens in all of them, and takes no seat: `callplane events tail`."""

_EXAMPLES = """\
  callplane tail                                               what happens in all sessions
  callplane tail 6a2f41a3-...                                  everything in one
  callplane tail 6a2f41a3-... --type signal --type participant-joined
  callplane tail 6a2f41a3-... --json | jq .data                 one JSON value a line
  callplane tail 6a2f41a3-... --count 1 --type session-closed   wait for the end"""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    tail = alone(among, "tail", _ABOUT, _EXAMPLES, _tail)
    tail.add_argument("session", nargs="?", help="its id")
    tail.add_argument("--type", action="append", default=[], help="only messages of this type; may be repeated")
    tail.add_argument("--count", type=int, metavar="N", help="end after so many")
    tail.add_argument("--transport", choices=["auto", "websocket", "sse", "poll"], default="auto", help="(%(default)s)")


def _tail(given: argparse.Namespace, server: Server) -> int:
    if given.session is None:
        given.start = "next"
        return events.tail(given, server)
    # Not before it is needed: --help should not wait for the client to be imported.
    from cli.verbs.talking import talk

    return talk(_follow, given, server)


async def _follow(given: argparse.Namespace, callplane: "AsyncCallplane") -> int:
    from callplane_client import CallplaneError

    with waiting(f"joining {given.session}"):
        seat = callplane.seat(await callplane.participants.join(given.session, name="tail", role="subscriber"))
    messages = seat.messages(given.transport)
    left = given.count
    try:
        print(f"In {given.session} as {seat.id}; Ctrl-C ends it.", file=sys.stderr)
        async for message in messages:
            if given.type and message.type not in given.type:
                continue
            print(_line(message, given.json), flush=True)
            left = None if left is None else left - 1
            if left == 0:
                return 0
        print(f"The call is over: {messages.ended}", file=sys.stderr)
        return 0
    finally:
        await messages.aclose()
        with suppress(CallplaneError):  # the seat ends by its grace all the same
            await seat.leave()


def _line(message: "Message", as_json: bool) -> str:
    if as_json:
        return message.model_dump_json(exclude={"snapshot"})
    version = "" if message.version is None else f" v{message.version}"
    data = json.dumps(message.data, ensure_ascii=False)
    return shown(f"{message.at:%H:%M:%S.%f}"[:12] + f"  {message.type:<24}{version:<6} {data}")
