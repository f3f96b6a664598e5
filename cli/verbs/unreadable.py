"""`callplane unreadable-documents`: documents of the database that no program can read, and so passes over."""

import argparse
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_json, print_table
from cli.verbs.server import Server

_ABOUT = """\
Look at documents of the database that cannot be read, and remove them.

Nobody should ever see one. Programs pass over it, say so once in their logs and count it: everything else goes on. What
it was about is left out of lists and sweeps until it is removed. A session that is removed so is closed for everybody
who is in it. Look at the document in the database first, if you want to know how it came there."""

_EXAMPLES = """\
  callplane unreadable-documents list                     all of them, with why each cannot be read
  callplane unreadable-documents remove sessions 1f00…    remove this one, named by its key"""

_COLUMNS = ("collection", "id", "session_id", "why", "key")


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    documents = noun(among, "unreadable-documents", _ABOUT, _EXAMPLES, operators=True)
    documents.look("list", "read everything, and list what cannot be read", _list)
    remove = documents.verb("remove", "remove one; a session is closed", _remove)
    remove.add_argument("collection")
    remove.add_argument("key")


def _list(given: argparse.Namespace, server: Server) -> int:
    documents: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = server.ask("GET", "/unreadable-documents" + (f"?cursor={cursor}" if cursor else ""))
        documents += page["documents"]
        cursor = page["next"]
    if given.json:
        print_json({"documents": documents})
    else:
        print_table(documents, *_COLUMNS, nothing="Every document can be read.")
    return 0


def _remove(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", f"/unreadable-documents/{quote(given.collection, safe='')}/{quote(given.key, safe='')}")
    if not given.json:
        print(f"Removed: {given.key}")
    return 0
