"""`callplane check`: tries whether a deployment can be used from here, and says what to do where it cannot."""

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.progress import Progress
from cli.verbs.address import http_url
from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_json
from cli.verbs.server import Server

if TYPE_CHECKING:
    from callplane_client import AsyncCallplane

_ABOUT = """\
Check whether calls work from here: health, clock, credential, the three doors of messages, TURN, media over UDP.

It makes a session of its own and closes it. Each failure comes with a way on. Media and TURN need aiortc
(pip install 'callplane[media]'); without it they are left out."""

_EXAMPLES = """\
  callplane check https://calls.example
  callplane check https://calls.example --skip media --json
  callplane check --only websocket --only sse      what a proxy lets through

exit status here: 0 everything works (or could not be tried), 1 something does not"""

NAMES = ("health", "clock", "session", "websocket", "sse", "poll", "turn", "media")
_ALWAYS = "session"
"""Others need it."""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    check = alone(among, "check", _ABOUT, _EXAMPLES, _check)
    check.add_argument("place", nargs="?", type=http_url, metavar="URL", help="as --url")
    check.add_argument("--only", action="append", choices=NAMES, help="only this; may be repeated")
    check.add_argument("--skip", action="append", choices=NAMES, default=[], help="all but this; may be repeated")


def _check(given: argparse.Namespace, server: Server) -> int:
    from cli.verbs.talking import talk

    async def verb(given: argparse.Namespace, callplane: "AsyncCallplane") -> int:
        return await _checks(given, callplane, server.url)

    return talk(verb, given, server)


async def _checks(given: argparse.Namespace, callplane: "AsyncCallplane", url: str) -> int:
    from cli.calls.checks import checked, deployment

    wanted = [name for name in NAMES if name not in given.skip and (not given.only or name in (*given.only, _ALWAYS))]
    progress = Progress(sys.stderr if given.json else sys.stdout)
    found = []
    async with deployment(url, callplane) as it:
        for name in wanted:
            with progress.step(name) as step:
                one = await checked(name, it)
                step.mark = {True: "✓", False: "✗", None: "–"}[one.ok]
                step.detail = one.detail
            found.append(one)
            if one.way_on:
                progress.say(f"    {one.way_on}")
    wrong = [one.name for one in found if one.ok is False]
    if given.json:
        print_json({"ok": not wrong, "checks": [asdict(one) for one in found]})
    else:
        progress.say(f"Does not work: {', '.join(wrong)}." if wrong else "Everything that was tried works.")
    return 1 if wrong else 0
