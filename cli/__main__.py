"""Command line: the verbs of `callplane`, what each is given, and its exit status."""

import argparse
import asyncio
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from callplane.version import package_version
from cli.interrupt import FORCED
from cli.options import DEFAULT_PORT, Options
from cli.verbs import (
    check,
    completion,
    dead_letters,
    events,
    join,
    keys,
    load,
    media_servers,
    participants,
    profile,
    replay,
    sessions,
    signal,
    tail,
    tenants,
    token,
    unreadable,
    webhooks,
)
from cli.verbs.nouns import perform

_ABOUT = """\
Callplane: calls between browsers, with a control plane that scales.

  callplane up               run everything on this machine and print a link to open
  callplane check            try whether calls work from here, and say what to do where they do not
  callplane join             take part in a call, with a synthetic picture or a file; write what is received
  callplane tail             show what is said and done in a call, as it comes
  callplane replay           show the time line of a call, also of one that is over
  callplane load             load a deployment with calls, and say how it bore them
  callplane sessions         make calls, look at them, change and close them
  callplane participants     look at who is in a call, mute, grant, kick
  callplane signal           say something to those in a call
  callplane events           what happens in all sessions: as it comes, from the beginning, or copied to Kafka
  callplane token            make an access token for a browser, or a link with it
  callplane keys             make, rotate and revoke API keys
  callplane tenants          quotas of tenants, and what is taken of them
  callplane webhooks         endpoints that events are posted to; a listener for who writes one
  callplane media-servers    look at the pool of media servers, cordon, drain, add and remove them
  callplane dead-letters     look at commands that were given up, send them again
  callplane unreadable-documents    look at documents that no program can read, remove them
  callplane profile          keep servers by name, with the key to each
  callplane completion       let bash, zsh or fish complete all this
  callplane version          say which version this is

The programs that a cluster runs are started by themselves: python -m api, python -m wrapper."""

_ABOUT_UP = """\
Run everything on this machine: the API with the call page, a wrapper, a media server, RabbitMQ and MongoDB.

Whatever you do not name is started for you, privately, on ports of its own, and is gone after Ctrl-C:
  RabbitMQ      a node of its own where rabbitmq-server is installed, else a bus inside this process
  MongoDB       mongod from PATH, else the one that the extra 'embedded' brings
  media server  the embedded one: VP8 and Opus, forwarding only"""

_EXAMPLES = f"""\
examples:
  callplane up                                          all of it, at http://127.0.0.1:{DEFAULT_PORT}/
  callplane up --kms ws://10.0.0.5:8888/kurento         with a real Kurento
  callplane up --amqp-url amqp://user:secret@mq/ \\
               --mongo-url 'mongodb://db/?replicaSet=rs0'
  callplane up --data-dir ~/calls                       keep the calls for the next time

On 127.0.0.1 anybody on this machine may create and join calls without a credential. On any other --host an API key
or an access token is needed: set CALLPLANE_API_KEYS=name:secret first. Other settings are environment variables too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; its exit status."""
    given = _parser().parse_args(arguments)
    if given.verb == "version":
        print(f"callplane {_version()} (Python {platform.python_version()})")
        return 0
    if given.verb == "completion":
        print(completion.SHELLS[given.shell](_parser()), end="")
        return 0
    if given.verb == "profile":
        return profile.perform(given)
    if given.verb == "up":
        return _up(_options(given))
    return perform(given)


def _up(options: Options) -> int:
    # Not before it is needed: --help should not wait for the drivers of two servers to be imported.
    import uvloop

    from cli.up import up

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(up(options))
    except KeyboardInterrupt:
        return FORCED


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("callplane", description=_ABOUT, formatter_class=raw)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("version", help="say which version this is")
    up = verbs.add_parser(
        "up", help="run everything on this machine", description=_ABOUT_UP, epilog=_EXAMPLES, formatter_class=raw
    )
    completion.add(verbs)
    for noun in (
        check,
        join,
        tail,
        replay,
        load,
        sessions,
        participants,
        signal,
        events,
        token,
        keys,
        tenants,
        webhooks,
        media_servers,
        dead_letters,
        unreadable,
        profile,
    ):
        noun.add(verbs)
    default = Options()
    up.add_argument("--host", default=default.host, help="address to serve on (%(default)s)")
    up.add_argument(
        "--port", type=_port, help=f"port to serve on ({DEFAULT_PORT}, or the next free one; 0 for any free one)"
    )
    up.add_argument("--amqp-url", metavar="URL", help="use this RabbitMQ instead of a private one")
    up.add_argument("--in-process-bus", action="store_true", help="use no RabbitMQ at all: starts faster")
    up.add_argument("--mongo-url", metavar="URL", help="use this MongoDB replica set instead of a private one")
    up.add_argument(
        "--kms",
        action="append",
        default=[],
        metavar="ws://HOST:PORT/PATH",
        help="use this Kurento instead of the embedded media server; may be repeated",
    )
    up.add_argument("--data-dir", type=Path, metavar="DIR", help="keep the data of the private servers here")
    up.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default=default.log_level,
        help="what API and wrapper write to standard error (%(default)s)",
    )
    return parser


def _options(given: argparse.Namespace) -> Options:
    if given.amqp_url is not None and given.in_process_bus:
        _parser().error("--amqp-url and --in-process-bus exclude each other")
    return Options(
        host=given.host,
        port=given.port,
        amqp_url=given.amqp_url,
        mongo_url=given.mongo_url,
        kms=tuple(given.kms),
        data_dir=given.data_dir.expanduser().resolve() if given.data_dir else None,
        in_process_bus=given.in_process_bus,
        log_level=given.log_level,
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _version() -> str:
    return package_version()


if __name__ == "__main__":
    sys.exit(main())
