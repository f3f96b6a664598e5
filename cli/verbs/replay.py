"""`callplane replay`: the time line of one call, also after it is over."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from cli.verbs.nouns import Verbs, alone
from cli.verbs.printing import print_json, shown
from cli.verbs.server import Server

_ABOUT = """\
Show the time line of one call, from its beginning: who came and went, sent and lost what, and who asked for it.

It is kept for 30 days after the end as well; what was refused stands between the changes. A time is that since the
first event. An API key asks."""

_EXAMPLES = """\
  callplane replay 6a2f41a3-...
  callplane replay 6a2f41a3-... --type media-lost --type media-ready
  callplane replay 6a2f41a3-... --participant 0b6f0c6e-...       what one of them did and met
  callplane replay 6a2f41a3-... --json | jq '.events[].type'"""

_PAGE = 500


def add(among: Verbs) -> None:
    """Put the verb on the command line."""
    replay = alone(among, "replay", _ABOUT, _EXAMPLES, _replay)
    replay.add_argument("session", help="its id")
    replay.add_argument("--type", action="append", default=[], help="only events of this type; may be repeated")
    replay.add_argument("--participant", metavar="ID", help="only what is about this one")


def _replay(given: argparse.Namespace, server: Server) -> int:
    events = list(_events(given.session, server))
    names = _names(events)
    told = [one for one in events if _is_told(one, given)]
    if given.json:
        print_json({"events": told})
        return 0
    for one in told:
        print(line(one, _time(events[0]), names))
    if not told:
        print("Nothing of the kind has happened.")
    return 0


def _events(session: str, server: Server) -> Iterator[dict[str, Any]]:
    """All of them, each once: what was refused right behind a page stands in the next one as well."""
    after: int | None = 0
    before: set[str] = set()
    while after is not None:
        part = urlencode({"after": after, "limit": _PAGE})
        page = server.ask("GET", f"/sessions/{quote(session, safe='')}/events?{part}")
        yield from (one for one in page["events"] if one["id"] not in before)
        before = {one["id"] for one in page["events"] if one.get("sessionversion") is None}
        after = page["next"]


def _names(events: list[dict[str, Any]]) -> dict[str, str]:
    """What people were called, by their ids, as far as it was told."""
    people = [one["data"]["participant"] for one in events if one["data"].get("participant")]
    return {one["id"]: one["name"] for one in people if one.get("name")}


def _is_told(event: dict[str, Any], given: argparse.Namespace) -> bool:
    if given.type and event["type"] not in given.type:
        return False
    return given.participant is None or given.participant in (event.get("subject"), *_about(event["data"]))


def _about(data: dict[str, Any]) -> tuple[str | None, ...]:
    return data.get("participant_id"), (data.get("participant") or {}).get("id")


def line(event: dict[str, Any], began: datetime, names: dict[str, str]) -> str:
    """One event: when, what, of whom, in which words, and who asked for it."""
    minutes, rest = divmod(max(0, round((_time(event) - began).total_seconds() * 1000)), 60_000)
    version = "" if event.get("sessionversion") is None else f"v{event['sessionversion']}"
    data = dict(event["data"])
    who = next((one for one in _about(data) if one), None)
    for known in ("participant", "participant_id", "session"):  # --json has all of it
        data.pop(known, None)
    words = json.dumps({name: value for name, value in data.items() if value is not None}, ensure_ascii=False)
    name = "-" if who is None else names.get(who, who[:8])
    by = event.get("actor") or "-"
    return shown(
        f"+{minutes:02}:{rest / 1000:06.3f}  {version:<5} {event['type']:<24} {name:<16} {by}  {words}"
    ).rstrip()


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])
