"""`callplane tenants`: what each tenant may have of what all share, and what it has taken of that."""

import argparse
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Server

_ABOUT = """\
Look at the quotas of tenants, and set them while everything runs.

A tenant for which nothing is set has the quotas of CALLPLANE_QUOTA_…; every pod knows of a change within 2 s. Setting
them asks with an operator's key, looking at one with a key of that tenant as well."""

_EXAMPLES = """\
  callplane tenants list                               those with quotas of their own
  callplane tenants look acme                          its quotas, and what is taken of them
  callplane tenants set acme sessions=50 seats=1000    no more than so many at one time
  callplane tenants set acme requests=0 seats=default  no bound; as the settings have it"""


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    tenants = noun(among, "tenants", _ABOUT, _EXAMPLES)
    tenants.look("list", "list those that have quotas of their own, by name", _list)
    tenants.look("look", "show the quotas of one, and what is taken of them", _look).add_argument("tenant")
    setting = tenants.verb("set", "set quotas of one", _set)
    setting.add_argument("tenant")
    about = "sessions, seats, requests, deliveries, or one of these behind identity_; 0: no bound, `default`: unset"
    setting.add_argument("quotas", nargs="+", type=_quota, metavar="QUOTA=N", help=about)


def _quota(text: str) -> tuple[str, float | None]:
    name, said, bound = text.partition("=")
    if not name or not said:
        raise argparse.ArgumentTypeError(f"{text!r} is not QUOTA=N")
    try:
        return name, None if bound == "default" else float(bound)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{bound!r} is neither a number nor `default`") from None


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", "/tenants")
    if given.json:
        print_json(answer)
    else:
        rows = [{"tenant": one["tenant"], **one["quotas"]} for one in answer["tenants"]]
        print_table(rows, "tenant", *answer["defaults"], nothing="No tenant has quotas of its own.")
    return 0


def _look(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", f"/tenants/{quote(given.tenant, safe='')}")
    print_json(answer) if given.json else print_facts(_flat(answer))
    return 0


def _set(given: argparse.Namespace, server: Server) -> int:
    quotas = {name: int(bound) if bound is not None and bound.is_integer() else bound for name, bound in given.quotas}
    answer = server.ask("PATCH", f"/tenants/{quote(given.tenant, safe='')}", {"quotas": quotas})
    print_json(answer) if given.json else print_facts(_flat(answer))
    return 0


def _flat(tenant: dict[str, Any]) -> dict[str, Any]:
    """A quota a line, what is taken of it beside."""
    used = tenant.get("used", {})
    bounds = {name: bound or "no bound" for name, bound in tenant["quotas"].items()}
    taken = {name: f"{used[name]} of {bound}" if name in used else bound for name, bound in bounds.items()}
    return {"tenant": tenant["tenant"], **taken}
