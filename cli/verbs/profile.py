"""`callplane profile`: servers by name, so that no address and no key is typed twice."""

import argparse
import os

from cli.profiles import Profile, Profiles
from cli.verbs.address import http_url
from cli.verbs.nouns import Verbs, complain
from cli.verbs.printing import print_json, print_table
from cli.verbs.server import Failed

_ABOUT = """\
Keep servers by name, each with the key to it, and say which one is meant where nothing else says it.

They lie in callplane/profiles.json in $XDG_CONFIG_HOME (~/.config), which only you can read. --url and CALLPLANE_URL
come before the default one; --profile and CALLPLANE_PROFILE name another one for once."""

_EXAMPLES = """\
  callplane profile add staging --url https://staging.example     with the key of CALLPLANE_API_KEY
  callplane profile add prod --url https://calls.example --operator-url http://10.0.0.4:8081
  callplane profile use prod
  callplane profile list
  callplane sessions list --profile staging
  callplane profile remove staging"""


def add(among: Verbs) -> None:
    """Put the noun on the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = among.add_parser(
        "profile",
        help="keep servers by name",
        description=_ABOUT,
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=raw,
    )
    verbs = parser.add_subparsers(dest="what", required=True, metavar="VERB")
    new = verbs.add_parser("add", help="add one, or say it anew; the first is the default one")
    new.add_argument("name")
    new.add_argument("--url", type=http_url, required=True, help="where its API is, or the link of `callplane up`")
    new.add_argument("--api-key", metavar="SECRET", help="the key to it (CALLPLANE_API_KEY, which others cannot see)")
    about = "where its operators' routes are, if they have an address of their own"
    new.add_argument("--operator-url", type=http_url, metavar="URL", help=about)
    new.set_defaults(change=_add)
    listed = verbs.add_parser("list", help="list them; keys are not shown")
    listed.add_argument("--json", action="store_true", help="as JSON")
    listed.set_defaults(change=_list)
    for name, about, change in (("use", "make one the default one", _use), ("remove", "forget one", _remove)):
        verb = verbs.add_parser(name, help=about)
        verb.add_argument("name")
        verb.set_defaults(change=change)


def perform(given: argparse.Namespace) -> int:
    """Do it; the exit status."""
    try:
        given.change(given, Profiles.read())
    except Failed as failed:
        return complain(failed)
    return 0


def _add(given: argparse.Namespace, profiles: Profiles) -> None:
    key = given.api_key or os.environ.get("CALLPLANE_API_KEY") or None
    profiles.by_name[given.name] = Profile(given.url, key, given.operator_url)
    profiles.default = profiles.default or given.name
    profiles.write()
    print(f"{given.name}: {_shown(given.url)}, {'with' if key else 'without'} a key")


def _list(given: argparse.Namespace, profiles: Profiles) -> None:
    rows = [
        {"name": name, "url": _shown(one.url), "key": one.api_key is not None, "default": name == profiles.default}
        for name, one in sorted(profiles.by_name.items())
    ]
    if given.json:
        print_json({"profiles": rows})
    else:
        print_table(rows, "name", "url", "key", "default", nothing="There are no profiles.")


def _use(given: argparse.Namespace, profiles: Profiles) -> None:
    profiles.named(given.name)
    profiles.default = given.name
    profiles.write()


def _remove(given: argparse.Namespace, profiles: Profiles) -> None:
    profiles.named(given.name)
    del profiles.by_name[given.name]
    profiles.default = None if profiles.default == given.name else profiles.default
    profiles.write()


def _shown(url: str) -> str:
    """Without the token that a link brings."""
    return url.partition("#")[0]
