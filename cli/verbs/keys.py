"""`callplane keys`: API keys of the database, made and revoked while everything runs."""

import argparse
from urllib.parse import quote

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Server

_ABOUT = """\
Make, rotate and revoke API keys while everything runs.

Those of CALLPLANE_API_KEYS go on beside them and are not shown here. A secret is shown once, when it is made: only its
hash is kept. Every pod knows of a change within 2 s. The key that asks is an operator's."""

_EXAMPLES = """\
  callplane keys list                                  those of the database
  callplane keys make shop --tenant acme               a key of the tenant acme; prints its secret
  callplane keys rotate shop --overlap 86400           a new secret; the one before is good for a day more
  callplane keys revoke shop                           it is refused from now on"""

_COLUMNS = ("name", "tenant", "operator", "created_at", "ending")


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    keys = noun(among, "keys", _ABOUT, _EXAMPLES, operators=True)
    keys.look("list", "list those of the database, by name", _list)
    make = keys.verb("make", "make one, and print its secret", _make)
    make.add_argument("name")
    make.add_argument("--tenant", help="whose sessions it makes and sees (its own name's)")
    make.add_argument("--operator", action="store_true", help="it sees all tenants, and what serves all of them")
    rotate = keys.verb("rotate", "give one a new secret, and print it", _rotate)
    rotate.add_argument("name")
    about = "seconds for which the secrets before stay good (%(default)s)"
    rotate.add_argument("--overlap", type=int, default=3600, metavar="N", help=about)
    keys.verb("revoke", "end one", _revoke).add_argument("name")


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", "/keys")
    if given.json:
        print_json(answer)
    else:
        print_table(answer["keys"], *_COLUMNS, nothing="There are no keys in the database.")
    return 0


def _make(given: argparse.Namespace, server: Server) -> int:
    wanted = {"name": given.name, "tenant": given.tenant, "operator": given.operator}
    (print_json if given.json else print_facts)(server.ask("POST", "/keys", wanted))
    return 0


def _rotate(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("POST", f"/keys/{quote(given.name, safe='')}/rotate", {"overlap": given.overlap})
    (print_json if given.json else print_facts)(answer)
    return 0


def _revoke(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", f"/keys/{quote(given.name, safe='')}")
    return 0
