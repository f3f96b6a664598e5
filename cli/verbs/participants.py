"""`callplane participants`: who is in a call; mutes, grants, kicks, and lifts bans."""

import argparse
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from cli.verbs.nouns import Verbs, complain, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Failed, Server

_ABOUT = """\
Look at who is in a call, mute them, say what they may do, and show them out.

What is muted reaches nobody, whatever the browser does. Nobody is unmuted by others: they are asked to unmute
themselves. Who is kicked cannot come back, in any seat of the same identity, until the ban is lifted."""

_EXAMPLES = """\
  callplane participants list 6a2f41a3-... --watch
  callplane participants mute 6a2f41a3-... 0b6f0c6e-... 9d41c2aa-...      their sound
  callplane participants mute 6a2f41a3-... --all --but 0b6f0c6e-...       everybody's but one's
  callplane participants unmute 6a2f41a3-... 0b6f0c6e-... --video
  callplane participants grant 6a2f41a3-... 0b6f0c6e-... --publish microphone,screen --no-chat
  callplane participants grant 6a2f41a3-... 0b6f0c6e-... --role moderator
  callplane participants stop-stream 6a2f41a3-... 1d710b83-...          a shared screen, say
  callplane participants kick 6a2f41a3-... 0b6f0c6e-... --reason "be kind"
  callplane participants bans 6a2f41a3-...
  callplane participants unban 6a2f41a3-... web:ada"""

_COLUMNS = ("id", "name", "role", "state", "muted", "hand", "presence", "streams")
SOURCES = ("camera", "microphone", "screen", "screen_audio")


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    people = noun(among, "participants", _ABOUT, _EXAMPLES)
    people.look("list", "list who is in a call", _list).add_argument("session", help="its id")
    shown = people.look("show", "show one of them with what it publishes", _show)
    shown.add_argument("session", help="its id")
    shown.add_argument("id")
    muted = people.verb("mute", "mute some, or everybody", _mute)
    unmuted = people.verb("unmute", "ask some to unmute themselves", _unmute)
    for verb, some in ((muted, "*"), (unmuted, "+")):
        verb.add_argument("session", help="its id")
        verb.add_argument("id", nargs=some)
        verb.add_argument("--audio", action="store_true", help="sound (where neither is said)")
        verb.add_argument("--video", action="store_true", help="pictures")
    muted.add_argument("--all", action="store_true", help="everybody who is there now, in place of some")
    about = "with --all: not this one; may be repeated"
    muted.add_argument("--but", action="append", default=[], metavar="ID", help=about)
    _grants(people.verb("grant", "say what one may do", _grant))
    stopped = people.verb("stop-stream", "end streams of somebody, a shared screen say, by their connections", _stop)
    stopped.add_argument("session", help="its id")
    stopped.add_argument("id", nargs="+", metavar="CONNECTION", help="as `show` has it")
    kicked = people.verb("kick", "show some out, whose identity cannot come back", _kick)
    kicked.add_argument("session", help="its id")
    kicked.add_argument("id", nargs="+")
    kicked.add_argument("--reason", default="kicked", help="what they and the others are told (%(default)s)")
    kicked.add_argument("--no-ban", action="store_true", help="only shown out: they may join again")
    people.look("bans", "list identities that may not join", _bans).add_argument("session", help="its id")
    lifted = people.verb("unban", "let an identity join again", _unban)
    lifted.add_argument("session", help="its id")
    lifted.add_argument("identity")


def _grants(grant: argparse.ArgumentParser) -> None:
    grant.add_argument("session", help="its id")
    grant.add_argument("id")
    grant.add_argument("--role", choices=["subscriber", "publisher", "moderator"], help="all that this role may")
    about = f"what it may send, separated by commas ({', '.join(SOURCES)}), or none"
    grant.add_argument("--publish", type=_sources, metavar="WHAT", help=about)
    for name, what in (
        ("subscribe", "receive streams"),
        ("signal", "send signals"),
        ("chat", "chat"),
        ("moderate", "do what a moderator may"),
    ):
        grant.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=f"whether it may {what}")


def _sources(text: str) -> list[str]:
    sources = [] if text == "none" else text.split(",")
    if wrong := [one for one in sources if one not in SOURCES]:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)!r} is none of {', '.join(SOURCES)}, or none alone")
    return sources


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", _path(given.session, "participants"))
    if given.json:
        print_json(answer)
    else:
        print_table(rows(answer), *_COLUMNS, nothing="Nobody is in it.")
    return 0


def rows(seats: dict[str, Any]) -> list[dict[str, Any]]:
    """Who is in a call in a table, those that others do not see behind the others."""
    hidden = [{**one, "state": "hidden"} for one in seats.get("hidden", [])]
    return [row(one) for one in (*seats["participants"], *hidden)]


def row(one: dict[str, Any]) -> dict[str, Any]:
    """A participant in a table."""
    presence = one.get("presence", {})
    return {
        **one,
        "muted": ", ".join(medium for medium, on in one["muted"].items() if on),
        "hand": bool(one.get("hand_raised_at")),
        "presence": " ".join(filter(None, (presence.get("show"), presence.get("status")))),
        "streams": ", ".join(each.get("source") or "unknown" for each in one["streams"]),
    }


def _show(given: argparse.Namespace, server: Server) -> int:
    return _print(given, server.ask("GET", _path(given.session, "participants", given.id)))


def _mute(given: argparse.Namespace, server: Server) -> int:
    if given.all == bool(given.id):
        raise Failed("Say whom to mute: ids, or --all.", 2)
    if given.but and not given.all:
        raise Failed("--but goes with --all.", 2)
    if not given.all:
        return _each(given, server, _media(given, on=True), "Muted")
    server.ask("POST", _path(given.session, "mute"), {**_media(given, on=True), "but": given.but})
    if not given.json:
        print("Muted: everybody" + (f" but {', '.join(given.but)}" if given.but else ""))
    return 0


def _unmute(given: argparse.Namespace, server: Server) -> int:
    return _each(given, server, _media(given, on=False), "Asked to unmute")


def _media(given: argparse.Namespace, *, on: bool) -> dict[str, bool]:
    named = {medium: on for medium in ("audio", "video") if getattr(given, medium)}
    return named or {"audio": on}


def _each(given: argparse.Namespace, server: Server, muted: dict[str, bool], done: str) -> int:
    where = _path(given.session, "participants")

    def change(id_: str) -> Any:
        return server.ask("PATCH", f"{where}/{quote(id_, safe='')}", {"muted": muted})

    status, changed = _for_each(given, change, done)
    if given.json:
        print_json({"participants": changed})
    return status


def _for_each(given: argparse.Namespace, do: Callable[[str], Any], done: str) -> tuple[int, list[Any]]:
    """One refusal does not hold up the others; the status, and what came of those that were done."""
    status, found = 0, []
    for id_ in given.id:
        try:
            found.append(do(id_))
        except Failed as failed:
            status = complain(Failed(f"{id_}: {failed}", failed.status))
            continue
        if not given.json:
            print(f"{done}: {id_}")
    return status, found


def _grant(given: argparse.Namespace, server: Server) -> int:
    names = ("publish", "subscribe", "signal", "chat", "moderate")
    grants = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    body = ({"role": given.role} if given.role else {}) | ({"grants": grants} if grants else {})
    if not body:
        raise Failed("Say what it may do: --role, --publish, --chat, --no-chat, …", 2)
    return _print(given, server.ask("PATCH", _path(given.session, "participants", given.id), body))


def _stop(given: argparse.Namespace, server: Server) -> int:
    where = _path(given.session, "connections")
    status, _ = _for_each(given, lambda id_: server.ask("DELETE", f"{where}/{quote(id_, safe='')}"), "Stopped")
    return status


def _kick(given: argparse.Namespace, server: Server) -> int:
    where = _path(given.session, "participants")
    query = urlencode({"reason": given.reason, "ban": str(not given.no_ban).lower()})
    status, _ = _for_each(given, lambda id_: server.ask("DELETE", f"{where}/{quote(id_, safe='')}?{query}"), "Kicked")
    return status


def _bans(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", _path(given.session, "bans"))
    if given.json:
        print_json(answer)
    else:
        print_table(answer["bans"], "identity", "participant_id", "at", "reason", nothing="Nobody is banned.")
    return 0


def _unban(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", _path(given.session, "bans", given.identity))
    if not given.json:
        print(f"May join again: {given.identity}")
    return 0


def _print(given: argparse.Namespace, one: dict[str, Any]) -> int:
    (print_json if given.json else print_facts)(one)
    return 0


def _path(session: str, *parts: str) -> str:
    return "/sessions/" + "/".join(quote(part, safe="") for part in (session, *parts))
