"""`callplane signal`: says something to those in a call: to one, to several, to a role, or to all."""

import argparse
import json
import sys
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_json
from cli.verbs.server import Failed, Server

_ABOUT = """\
Say something to those in a call, as a server: to some, to a role, or to everybody.

TYPE is the application's own word; `chat` is kept in the history, where the session has one, and shown by the call
page. What is said is JSON, or --text for {"text": …}. Its id is printed."""

_EXAMPLES = """\
  callplane signal 6a2f41a3-... chat --text "We end at ten"
  callplane signal 6a2f41a3-... quiz '{"question": 3}' --role publisher
  callplane signal 6a2f41a3-... ping --to 0b6f0c6e-... --to 9d41c2aa-...
  callplane signal 6a2f41a3-... cursor '[3, 4]' --volatile --ttl-ms 500      for who reads now
  callplane signal 6a2f41a3-... slides -                     read from standard input"""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    signal = alone(among, "signal", _ABOUT, _EXAMPLES, _signal)
    signal.add_argument("session", help="its id")
    signal.add_argument("type", metavar="TYPE", help="chat, or the application's own word")
    signal.add_argument("data", nargs="?", metavar="JSON", help="what is said (- is standard input; without it null)")
    signal.add_argument("--text", help='what is said, as {"text": …}')
    signal.add_argument("--to", action="append", default=[], metavar="ID", help="only to this one; may be repeated")
    roles = ["subscriber", "publisher", "moderator"]
    signal.add_argument("--role", action="append", default=[], choices=roles, help="only to these; may be repeated")
    signal.add_argument("--volatile", action="store_true", help="only to who reads now: it is never kept")
    signal.add_argument("--ttl-ms", type=int, metavar="N", help="how long a volatile one is good for (5000)")


def _signal(given: argparse.Namespace, server: Server) -> int:
    to = [*given.to, *(f"role:{role}" for role in given.role)]
    more = {"to": to or None, "volatile": given.volatile or None, "ttl_ms": given.ttl_ms}
    body = {"type": given.type, "data": _data(given), **{name: one for name, one in more.items() if one is not None}}
    sent = server.ask("POST", f"/sessions/{quote(given.session, safe='')}/signals", body)
    if given.json:
        print_json(sent)
    else:
        print(sent["id"])
    return 0


def _data(given: argparse.Namespace) -> Any:
    if given.text is not None:
        if given.data is not None:
            raise Failed("Say it once: as JSON, or with --text.", 2)
        return {"text": given.text}
    if given.data is None:
        return None
    try:
        return json.loads(sys.stdin.read() if given.data == "-" else given.data)
    except ValueError as wrong:
        raise Failed(f"What is said is no JSON ({wrong}); --text takes it as it is.", 2) from None
