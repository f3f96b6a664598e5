"""`callplane media-servers`: the pool that sessions are placed on."""

import argparse
import time
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_json, print_table
from cli.verbs.server import UNAVAILABLE, Failed, Server
from cli.waiting import waiting

_ABOUT = """\
Look at the pool of media servers, and change it while calls go on.

To take one out of service: drain it, wait until it has no sessions, remove it. Draining moves some sessions each
second to the other servers; whoever is in them sees a short gap. Nothing is moved while no other server is up and
not cordoned. One that was removed stays away, also where the wrappers' CALLPLANE_KMS_URLS still names it under that
address, until it is added again."""

_EXAMPLES = """\
  callplane media-servers list
  callplane media-servers add kms-3 ws://10.0.0.7:8888/kurento
  callplane media-servers cordon kms-1             place nothing more on it
  callplane media-servers drain kms-1 --wait 120   move its sessions to others, and wait until it is empty
  callplane media-servers uncordon kms-1           use it again
  callplane media-servers remove kms-1"""

_COLUMNS = ("name", "state", "cordoned", "sessions", "pipelines", "memory_MiB", "url", "detail")
LOOK_SECONDS = 1.0
PIPELINES_SECONDS = 10.0


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    servers = noun(among, "media-servers", _ABOUT, _EXAMPLES, operators=True)
    servers.look("list", "list the pool", _list)
    new = servers.verb("add", "register one; wrappers connect to it within some seconds", _add)
    new.add_argument("name")
    new.add_argument("address", metavar="ws://HOST:PORT/PATH")
    for name, about, order in (
        ("cordon", "place no more sessions on one", {"cordoned": True}),
        ("uncordon", "use one again; ends its draining", {"cordoned": False}),
        ("drain", "cordon one and move its sessions to others", {"draining": True}),
    ):
        verb = servers.verb(name, about, _order)
        verb.add_argument("name")
        verb.set_defaults(order=order, wait=None)
        if name == "drain":
            verb.add_argument("--wait", type=float, metavar="SECONDS", help="wait so long for it to be empty")
    servers.verb("remove", "forget one that has no sessions", _remove).add_argument("name")


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", "/media-servers")
    if given.json:
        print_json(answer)
    else:
        _print(answer["media_servers"])
    return 0


def _add(given: argparse.Namespace, server: Server) -> int:
    return _show(given, server.ask("POST", "/media-servers", {"name": given.name, "url": given.address}))


def _order(given: argparse.Namespace, server: Server) -> int:
    shown = server.ask("PATCH", _path(given.name), given.order)
    if given.wait is not None:
        shown = _emptied(given, server, shown)
    return _show(given, shown)


def _emptied(given: argparse.Namespace, server: Server, shown: dict[str, Any]) -> dict[str, Any]:
    """Wait for it to have no sessions; then, for a while, for their pipelines, which are released a moment later.

    Others may use it as well, and theirs stay.
    """
    end = time.monotonic() + given.wait
    with waiting(f"draining {given.name}") as progress:
        while shown["sessions"]:
            if time.monotonic() > end:
                raise Failed(f"{given.name} still has {shown['sessions']} sessions. {shown['detail']}", UNAVAILABLE)
            progress.say(f"draining {given.name}: {shown['sessions']} sessions left")
            shown = _later(given, server)
        end = min(end, time.monotonic() + PIPELINES_SECONDS)
        while shown["pipelines"] and time.monotonic() < end:
            progress.say(f"draining {given.name}: {shown['pipelines']} pipelines left")
            shown = _later(given, server)
    return shown


def _later(given: argparse.Namespace, server: Server) -> dict[str, Any]:
    time.sleep(LOOK_SECONDS)
    shown: dict[str, Any] = server.ask("GET", _path(given.name))
    return shown


def _remove(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", _path(given.name))
    if not given.json:
        print(f"Removed: {given.name}")
    return 0


def _path(name: str) -> str:
    return f"/media-servers/{quote(name, safe='')}"


def _show(given: argparse.Namespace, shown: dict[str, Any]) -> int:
    if given.json:
        print_json(shown)
    else:
        _print([shown])
    return 0


def _print(servers: list[dict[str, Any]]) -> None:
    rows = [{**one, "memory_MiB": one["memory"] // 1024 or None} for one in servers]
    print_table(rows, *_COLUMNS, nothing="There are no media servers.")
