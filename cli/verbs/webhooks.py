"""`callplane webhooks`: endpoints that events are posted to, what became of it, and a listener on this machine."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli.verbs.nouns import Verbs, noun
from cli.verbs.printing import print_facts, print_json, print_table
from cli.verbs.server import Failed, Server

_ABOUT = """\
Make endpoints that events are posted to, and see what became of each event.

`listen` is for who writes a receiver: it makes an endpoint at a port of its own, shows and verifies each event, hands
it on to a server of yours, and removes the endpoint when it ends. The API has to reach it: `callplane up` does, others
do by --public-url, the address of a tunnel."""

_EXAMPLES = """\
  callplane webhooks listen --forward http://127.0.0.1:3000/hook
  callplane webhooks listen --type participant-joined --json
  callplane webhooks list
  callplane webhooks create https://hooks.example/callplane --type participant-joined
  callplane webhooks create https://hooks.example/callplane --secret-file hook.secret
  callplane webhooks test 0198...                  send a webhook-test
  callplane webhooks deliveries 0198... --state dead
  callplane webhooks replay 0198... 6a2f...        send one again
  callplane webhooks rotate 0198... --overlap 3600
  callplane webhooks remove 0198..."""

_WEBHOOK = ("id", "url", "types", "state", "reason", "created_at")
_DELIVERY = ("id", "type", "state", "tries", "last_status", "last_error", "at")


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    hooks = noun(among, "webhooks", _ABOUT, _EXAMPLES)
    hooks.look("list", "list those of the tenant", _list)
    made = hooks.verb("create", "make one; its secret is shown once", _create)
    made.add_argument("address", metavar="https://…")
    _takes_secret(made)
    for verb in (made, hooks.verb("listen", "show events that come to this machine, and hand them on", _listen)):
        verb.add_argument("--type", action="append", help="only events of this type; may be repeated")
    verb.add_argument("--port", type=int, default=0, help="listen here (any free one)")
    verb.add_argument("--forward", metavar="URL", help="hand each request on to this address, as it came")
    verb.add_argument("--public-url", metavar="URL", help="where the API reaches this machine (http://127.0.0.1:PORT/)")
    verb.add_argument("--count", type=int, metavar="N", help="end after so many")
    hooks.verb("test", "send a webhook-test to one", _test).add_argument("id")
    sent = hooks.look("deliveries", "list what was and is to be sent, the oldest first", _deliveries)
    sent.add_argument("id")
    sent.add_argument("--state", choices=["pending", "delivered", "dead"], help="only those")
    again = hooks.verb("replay", "send a delivery again, under the id that it had", _replay)
    again.add_argument("id")
    again.add_argument("delivery")
    rotated = hooks.verb("rotate", "give one a new secret, which is shown once", _rotate)
    rotated.add_argument("id")
    rotated.add_argument("--overlap", type=int, default=86_400, metavar="SECONDS", help="both sign (%(default)s)")
    _takes_secret(rotated)
    hooks.verb("remove", "remove one with its deliveries", _remove).add_argument("id")


def _takes_secret(parser: argparse.ArgumentParser) -> None:
    """From a file: other users of this machine can see a command line."""
    about = "a secret of your own, whsec_ and the base64 of 24 to 64 random bytes, from a file (- is standard input)"
    parser.add_argument("--secret-file", metavar="FILE", type=_secret, dest="secret", help=about)


def _secret(file: str) -> str:
    try:
        return (sys.stdin.read() if file == "-" else Path(file).read_text()).strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise argparse.ArgumentTypeError(f"cannot be read: {file} ({type(failure).__name__})") from None


def _list(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", "/webhooks")
    if given.json:
        print_json(answer)
    else:
        rows = [{**one, "types": " ".join(one["types"])} for one in answer["webhooks"]]
        print_table(rows, *_WEBHOOK, nothing="There are no webhooks.")
    return 0


def _create(given: argparse.Namespace, server: Server) -> int:
    body = {"url": given.address, "types": given.type or ["*"], **_own(given)}
    return _show(given, server.ask("POST", "/webhooks", body))


def _test(given: argparse.Namespace, server: Server) -> int:
    return _show(given, server.ask("POST", _path(given.id, "test")))


def _deliveries(given: argparse.Namespace, server: Server) -> int:
    answer = server.ask("GET", _path(given.id, "deliveries") + (f"?state={given.state}" if given.state else ""))
    if given.json:
        print_json(answer)
    else:
        print_table(answer["deliveries"], *_DELIVERY, nothing="There are no such deliveries.")
    return 0


def _replay(given: argparse.Namespace, server: Server) -> int:
    return _show(given, server.ask("POST", _path(given.id, "deliveries", given.delivery, "replay")))


def _rotate(given: argparse.Namespace, server: Server) -> int:
    return _show(given, server.ask("POST", _path(given.id, "rotate"), {"overlap": given.overlap, **_own(given)}))


def _own(given: argparse.Namespace) -> dict[str, str]:
    return {} if given.secret is None else {"secret": given.secret}


def _remove(given: argparse.Namespace, server: Server) -> int:
    server.ask("DELETE", _path(given.id))
    if not given.json:
        print(f"Removed: {given.id}")
    return 0


def _listen(given: argparse.Namespace, server: Server) -> int:
    from cli.webhook_listener import listening

    with listening(given.port, given.forward) as listener:
        url = given.public_url or f"http://127.0.0.1:{listener.port}/"
        made = server.ask("POST", "/webhooks", {"url": url, "types": given.type or ["*"]})
        listener.know(made["secret"])
        try:
            print(f"Listening at {url} with the secret {made['secret']}; Ctrl-C ends it.", file=sys.stderr, flush=True)
            count = 0
            while given.count is None or count < given.count:
                print(listener.next_line(given.json), flush=True)
                count += 1
        finally:
            with suppress(Failed):  # who listens no more is found out by three days of failures as well
                server.ask("DELETE", _path(made["id"]))
    return 0


def _show(given: argparse.Namespace, shown: dict[str, Any]) -> int:
    (print_json if given.json else print_facts)(shown)
    return 0


def _path(*parts: str) -> str:
    return "/webhooks" + "".join(f"/{quote(part, safe='')}" for part in parts)
