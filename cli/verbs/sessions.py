"""`callplane sessions`: makes, lists, shows, changes and closes calls."""

import argparse
import json
from typing import Any
from urllib.parse import quote, urlencode

from cli.verbs.nouns import Verbs, noun
from cli.verbs.participants import rows
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Failed, Server

_ABOUT = """\
Make calls, look at them, change and close them.

Making one with a custom id finds the open one that has it. Closing one tells everybody in it the reason; their
connections end at once."""

_EXAMPLES = """\
  callplane sessions list                          open sessions
  callplane sessions list --status all --limit 1000 --json
  callplane sessions list --engine log             before programs that do not know logs come back: none
  callplane sessions show 6a2f41a3-...             one, with who is in it
  callplane sessions create --custom-id daily --max-participants 12
  callplane sessions update 6a2f41a3-... --grace 60 --metadata '{"topic": "stand-up"}'
  callplane sessions close 6a2f41a3-... --reason maintenance"""

_COLUMNS = ("id", "custom_id", "status", "participants", "epoch", "version", "created_at")
_PARTICIPANT = ("id", "name", "role", "state", "muted", "streams")
_SETTINGS = ("max_participants", "empty_timeout", "departure_timeout", "grace", "duplicates", "metadata")
_PAGE = 500


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    sessions = noun(among, "sessions", _ABOUT, _EXAMPLES)
    listed = sessions.look("list", "list sessions", _list)
    listed.add_argument("--status", choices=["open", "closed", "all"], default="open", help="which ones (%(default)s)")
    listed.add_argument("--engine", choices=["queues", "log"], help="only those whose messages go that way")
    listed.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many (%(default)s)")
    sessions.look("show", "show one with who is in it", _show).add_argument("id")
    _settings(sessions.verb("create", "make one, or find the open one of a custom id", _create), custom_id=True)
    changed = sessions.verb("update", "change what is named of one", _update)
    changed.add_argument("id")
    _settings(changed)
    closed = sessions.verb("close", "end one for everybody", _close)
    closed.add_argument("id")
    closed.add_argument("--reason", default="closed", help="what everybody in it is told (%(default)s)")


def _settings(parser: argparse.ArgumentParser, *, custom_id: bool = False) -> None:
    if custom_id:
        parser.add_argument("--custom-id", metavar="NAME", help="your own name for it")
    parser.add_argument("--max-participants", type=int, metavar="N", help="seats")
    parser.add_argument("--empty-timeout", type=int, metavar="SECONDS", help="without anybody from the beginning")
    parser.add_argument("--departure-timeout", type=int, metavar="SECONDS", help="after all have left")
    parser.add_argument("--grace", type=int, metavar="SECONDS", help="that a seat without its client is kept")
    about = "what becomes of a second seat of one identity"
    parser.add_argument("--duplicates", choices=["allow", "replace", "refuse"], help=about)
    parser.add_argument("--metadata", type=json.loads, metavar="JSON", help="an object that is kept with it")


def _said(given: argparse.Namespace) -> dict[str, Any]:
    names = (*_SETTINGS, "custom_id") if "custom_id" in given else _SETTINGS
    return {name: getattr(given, name) for name in names if getattr(given, name) is not None}


def _create(given: argparse.Namespace, server: Server) -> int:
    return _print(given, server.ask("POST", "/sessions", _said(given)))


def _update(given: argparse.Namespace, server: Server) -> int:
    changes = _said(given)
    if not changes:
        raise Failed("Say what to change: --max-participants, --grace, --metadata, …", 2)
    return _print(given, server.ask("PATCH", _path(given.id), changes))


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
    return _print(given, server.ask("GET", _path(given.id)))


def _print(given: argparse.Namespace, session: dict[str, Any]) -> int:
    if given.json:
        print_json(session)
        return 0
    print_facts({name: value for name, value in session.items() if name not in ("participants", "hidden")})
    print()
    print_table(rows(session), *_PARTICIPANT, nothing="Nobody is in it.")
    return 0


def _close(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", f"{_path(given.id)}?{urlencode({'reason': given.reason})}")
    if not given.json:
        print(f"Closed: {given.id}")
    return 0


def _path(id_: str) -> str:
    return f"/sessions/{quote(id_, safe='')}"


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("a count is a number from 1 on")
    return count
