"""Nouns and verbs of operators: puts them on the command line, and runs one."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli.verbs.address import DEFAULT_URL, http_url, whom
from cli.verbs.server import UNAVAILABLE, Failed, Server

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
WATCH_SECONDS = 2.0

_EPILOG = f"""\
where and who:
  --url, or CALLPLANE_URL           the API ({DEFAULT_URL}); operators' verbs (media servers, dead letters) look for
                                    CALLPLANE_OPERATOR_URL first, for their routes may have an address of their own
  --api-key, or CALLPLANE_API_KEY   the secret of one of its CALLPLANE_API_KEYS; the variable is the better place,
                                    for other users of this machine can see a command line
  --profile, or CALLPLANE_PROFILE   both of them, as `callplane profile add` has kept them
`callplane up` reads CALLPLANE_API_KEYS=name:secret as well; without it give the link that it prints as
--url, with which sessions can be looked at.

exit status: 0 done, 1 refused, 2 wrong usage, 3 not available now (try again)"""

Run = Callable[[argparse.Namespace, Server], int]
Verbs = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""


@dataclass(frozen=True)
class Noun:
    """One noun's verbs, each of which takes the same options about where and who."""

    verbs: Verbs
    operators: bool
    """Whether its routes are the operators', which may have an address of their own."""

    def verb(self, name: str, about: str, run: Run) -> argparse.ArgumentParser:
        """Add one; the caller adds its own arguments."""
        raw = argparse.RawDescriptionHelpFormatter
        parser: argparse.ArgumentParser = self.verbs.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_EPILOG, formatter_class=raw
        )
        _asks(parser, run, self.operators)
        return parser

    def look(self, name: str, about: str, run: Run) -> argparse.ArgumentParser:
        """Add one that changes nothing, and so can be watched."""
        parser = self.verb(name, about, run)
        parser.add_argument(
            "--watch",
            nargs="?",
            type=_seconds,
            const=WATCH_SECONDS,
            metavar="SECONDS",
            help="look again every so many seconds (%(const)s), until Ctrl-C",
        )
        return parser


def alone(among: Verbs, name: str, about: str, examples: str, run: Run) -> argparse.ArgumentParser:
    """Add a verb that needs no noun; the caller adds its own arguments."""
    parser: argparse.ArgumentParser = among.add_parser(
        name,
        help=about[0].lower() + about[1:].partition("\n")[0].rstrip("."),
        description=about,
        epilog=f"examples:\n{examples}\n\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _asks(parser, run, operators=False)
    return parser


def _asks(parser: argparse.ArgumentParser, run: Run, operators: bool) -> None:
    """What every verb takes about where and who."""
    parser.add_argument("--url", type=http_url, default=None, help="where the API is (see below)")
    parser.add_argument("--profile", metavar="NAME", help="the server that was kept under this name (see below)")
    parser.add_argument("--api-key", metavar="SECRET", help="the key to it (see below)")
    parser.add_argument("--json", action="store_true", help="print what the API answers, as JSON")
    parser.set_defaults(run=run, operators=operators, watch=None, place=None)


def noun(among: Verbs, name: str, about: str, examples: str, operators: bool = False) -> Noun:
    """Add a noun; the caller adds its verbs."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = among.add_parser(
        name,
        help=about[0].lower() + about[1:].partition("\n")[0].rstrip("."),
        description=about,
        epilog=f"examples:\n{examples}\n\n{_EPILOG}",
        formatter_class=raw,
    )
    return Noun(parser.add_subparsers(dest="what", required=True, metavar="VERB"), operators)


def perform(given: argparse.Namespace) -> int:
    """Run a verb; its exit status. What went wrong is told in one line."""
    try:
        url, key = whom(given)
    except Failed as failed:
        return complain(failed)
    server = Server(url, key)
    try:
        return _again_and_again(given, server) if given.watch else _once(given, server)
    except KeyboardInterrupt:
        return INTERRUPTED


def _once(given: argparse.Namespace, server: Server) -> int:
    try:
        run: Run = given.run
        return run(given, server)
    except Failed as failed:
        return complain(failed)


def _again_and_again(given: argparse.Namespace, server: Server) -> int:
    """Until Ctrl-C; on a terminal each time in the place of the time before."""
    while True:
        if sys.stdout.isatty() and not given.json:
            print("\x1b[H\x1b[2J", end="")  # home, and clear (ECMA-48)
        status = _once(given, server)
        if status not in (0, UNAVAILABLE):
            return status
        sys.stdout.flush()
        time.sleep(given.watch)


def complain(failed: Failed) -> int:
    """Tell it, in one line; the exit status that says the same."""
    print(f"callplane: {' '.join(str(failed).split())}", file=sys.stderr)
    return failed.status


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("from 0.1 to 3600 seconds")
    return seconds
