"""`callplane token`: makes an access token for a browser."""

import argparse
import json

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_json
from cli.verbs.server import Server

_ABOUT = """\
Make an access token, with which a browser joins a call; the API key signs it.

It is printed alone, so that a script can take it. docs/tokens.md has every claim."""

_EXAMPLES = """\
  callplane token --session daily --identity ada                     one hour, as a publisher
  callplane token --session daily --identity bob --role moderator --seconds 7200
  callplane token --session '*' --identity kiosk --role subscriber   for every session of the tenant"""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    token = alone(among, "token", _ABOUT, _EXAMPLES, _make)
    token.add_argument("--session", required=True, help="its id or custom id, or * for all of the tenant")
    token.add_argument("--identity", default="somebody", help="who it is for (%(default)s)")
    roles = ["subscriber", "publisher", "moderator"]
    token.add_argument("--role", choices=roles, default="publisher", help="up to which role (%(default)s)")
    about = 'what its seat may do otherwise, as JSON: {"publish": ["microphone"]}'
    token.add_argument("--grants", type=json.loads, metavar="JSON", help=about)
    token.add_argument("--seconds", type=int, default=3600, metavar="N", help="how long it is good for (%(default)s)")


def _make(given: argparse.Namespace, server: Server) -> int:
    wanted = {name: getattr(given, name) for name in ("session", "identity", "role", "seconds")}
    if given.grants is not None:
        wanted["grants"] = given.grants
    made = server.ask("POST", "/tokens", wanted)
    if given.json:
        print_json(made)
    else:
        print(made["token"])
    return 0
