"""`callplane sessions`: lists, shows and closes calls."""

import argparse
from typing import Any
from urllib.parse import quote, urlencode

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Server

_ABOUT = """\
Look at calls, and close them.

Closing one tells everybody in it the reason; their connections end at once."""

_EXAMPLES = """\
  callplane sessions list                          open sessions
  callplane sessions list --status all --limit 1000 --json
  callplane sessions list --engine log             before programs that do not know logs come back: none
  callplane sessions show 6a2f41a3-...             one, with who is in it
  callplane sessions close 6a2f41a3-... --reason maintenance"""

_COLUMNS = ("id", "custom_id", "status", "participants", "epoch", "version", "created_at")
_PARTICIPANT = ("id", "name", "role", "state", "muted", "streams")
_PAGE = 500


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    sessions = noun(among, "sessions", _ABOUT, _EXAMPLES)
    listed = sessions.look("list", "list sessions", _list)
    listed.add_argument("--status", choices=["open", "closed", "all"], default="open", help="which ones (%(default)s)")
    listed.add_argument("--engine", choices=["queues", "log"], help="only those whose messages go that way")
    listed.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many (%(default)s)")
    sessions.look("show", "show one with who is in it", _show).add_argument("id")
    closed = sessions.verb("close", "end one for everybody", _close)
    closed.add_argument("id")
    closed.add_argument("--reason", default="closed", help="what everybody in it is told (%(default)s)")


def _list(given: argparse.Namespace, server: Server) -> int:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = {"limit": min(_PAGE, given.limit - len(found))}
        asked |= {"status": given.status} if given.status != "all" else {}
        asked |= {"engine": given.engine} if given.engine else {}
        page = server.ask("GET", f"/sessions?{urlencode(asked | ({'cursor': cursor} if cursor else {}))}")
        found += page["sessions"]
        cursor = page["next"]
        if cursor is None or len(found) >= given.limit:
            break
    if given.json:
        print_json({"sessions": found})
        return 0
    rows = [{**session, "participants": len(session["participants"])} for session in found]
    print_table(rows, *_COLUMNS, nothing="There are no such sessions.")
    if cursor is not None:
        print(f"There are more than {given.limit}: --limit shows more.")
    return 0


def _show(given: argparse.Namespace, server: Server) -> int:
    session = server.ask("GET", _path(given.id))
    if given.json:
        print_json(session)
        return 0
    participants = session.pop("participants")
    print_facts(session)
    print()
    rows = [{**one, "muted": _muted(one["muted"]), "streams": len(one["streams"])} for one in participants]
    print_table(rows, *_PARTICIPANT, nothing="Nobody is in it.")
    return 0


def _close(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", f"{_path(given.id)}?{urlencode({'reason': given.reason})}")
    if not given.json:
        print(f"Closed: {given.id}")
    return 0


def _path(id_: str) -> str:
    return f"/sessions/{quote(id_, safe='')}"


def _muted(muted: dict[str, bool]) -> str:
    return ", ".join(medium for medium, on in muted.items() if on)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("a count is a number from 1 on")
    return count
