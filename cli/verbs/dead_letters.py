"""`callplane dead-letters`: commands that were given up after five attempts, or because of a bug."""

import argparse
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, complain, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Failed, Server

_ABOUT = """\
Look at commands that were given up, send them again, or remove them.

A command is given up when its fifth attempt fails, when it meets a bug, or when it cannot be read. It then waits,
with the reason, until somebody looks: the logs say more under its id. Sent again it counts as a first attempt, with a
new deadline. A command that had its effect already does nothing more, nor does an offer: its client was told to
offer again when it was given up."""

_EXAMPLES = """\
  callplane dead-letters list                      the oldest hundred, oldest first
  callplane dead-letters show 0198...              all that is known of one
  callplane dead-letters replay 0198... 0199...    send these again
  callplane dead-letters purge 0198...             remove this one
  callplane dead-letters purge                     remove all of them"""

_COLUMNS = ("id", "name", "session_id", "attempt", "failed_at", "reason")


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    letters = noun(among, "dead-letters", _ABOUT, _EXAMPLES, operators=True)
    letters.look("list", "list the oldest hundred, oldest first", _list)
    letters.look("show", "show one of those that the list shows", _show).add_argument("id")
    letters.verb("replay", "send some again, each as a first attempt", _replay).add_argument("id", nargs="+")
    letters.verb("purge", "remove one, or all of them where none is named", _purge).add_argument("id", nargs="?")


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", "/dead-letters")
    if given.json:
        print_json(answer)
    else:
        print_table(answer["dead_letters"], *_COLUMNS, nothing="There are no dead letters.")
    return 0


def _show(given: argparse.Namespace, server: Server) -> int:
    letters: list[dict[str, Any]] = server.ask("GET", "/dead-letters")["dead_letters"]
    for letter in letters:
        if letter["id"] == given.id:
            (print_json if given.json else print_facts)(letter)
            return 0
    raise Failed("There is no such thing: no dead letter among the oldest hundred has this id.")


def _replay(given: argparse.Namespace, server: Server) -> int:
    """One that is refused does not keep the others from being sent."""
    sent, status = [], 0
    for id_ in given.id:
        try:
            sent.append(server.ask("POST", f"/dead-letters/{quote(id_, safe='')}/replay"))
        except Failed as failed:
            status = max(status, complain(Failed(f"{id_}: {failed}", failed.status)))
            continue
        if not given.json:
            print(f"Sent again: {id_}")
    if given.json:
        print_json(sent)
    return status


def _purge(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", f"/dead-letters/{quote(given.id, safe='')}" if given.id else "/dead-letters")
    if not given.json:
        print(f"Removed: {given.id}" if given.id else "Removed all dead letters.")
    return 0
