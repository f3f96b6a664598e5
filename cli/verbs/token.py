"""`callplane token`: makes an access token for a browser, or a link with it; reads what one says."""

import argparse
import json
from urllib.parse import quote

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_facts, print_json
from cli.verbs.server import Failed, Server

_ABOUT = """\
Make an access token, with which a browser joins a call; the API key signs it.

It is printed alone, so that a script can take it; with --link it is the address of the call page with it, to be given
to one person: whoever has the link is that person. --decode reads what a token says, and asks nobody whether it is
true. docs/tokens.md has every claim."""

_EXAMPLES = """\
  callplane token --session daily --identity ada                     one hour, as a publisher
  callplane token --session daily --identity bob --role moderator --seconds 7200
  callplane token --session daily --identity ada --role moderator --link      a page that she only has to open
  callplane token --session '*' --identity kiosk --role subscriber   for every session of the tenant
  callplane token --decode eyJhbGciOiJIUzI1NiJ9..."""


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    token = alone(among, "token", _ABOUT, _EXAMPLES, _make)
    which = token.add_mutually_exclusive_group(required=True)
    which.add_argument("--session", help="its id or custom id, or * for all of the tenant")
    which.add_argument("--decode", metavar="TOKEN", help="make none: show what this one says")
    token.add_argument("--identity", default="somebody", help="who it is for (%(default)s)")
    roles = ["subscriber", "publisher", "moderator"]
    token.add_argument("--role", choices=roles, default="publisher", help="up to which role (%(default)s)")
    about = 'what its seat may do otherwise, as JSON: {"publish": ["microphone"]}'
    token.add_argument("--grants", type=json.loads, metavar="JSON", help=about)
    token.add_argument("--seconds", type=int, default=3600, metavar="N", help="how long it is good for (%(default)s)")
    token.add_argument("--link", action="store_true", help="print the address of the call page with it")


def _make(given: argparse.Namespace, server: Server) -> int:
    if given.decode is not None:
        return _decode(given)
    wanted = {name: getattr(given, name) for name in ("session", "identity", "role", "seconds")}
    if given.grants is not None:
        wanted["grants"] = given.grants
    made = server.ask("POST", "/tokens", wanted)
    if given.link:
        made["link"] = page_link(server.place, given.session, made["token"])
    if given.json:
        print_json(made)
    else:
        print(made["link"] if given.link else made["token"])
    return 0


def page_link(place: str, session: str, token: str) -> str:
    """The call page with a token in the fragment, which no server and no proxy sees; the page takes it out at once."""
    query = "" if session == "*" else f"?session={quote(session, safe='')}"
    return f"{place}/{query}#access_token={token}"


def _decode(given: argparse.Namespace) -> int:
    from callplane_client.tokens import read_token

    try:
        said = read_token(given.decode)
    except ValueError as wrong:
        raise Failed(f"This is no token: {wrong}.") from None
    kind = "participant" if said.is_participant else "access"
    until = None if said.expires_at is None else said.expires_at.isoformat()
    (print_json if given.json else print_facts)({"kind": kind, **said.claims, "expires_at": until})
    return 0
