"""Checkouts and settings that take turns in one run of a bench: their programs, and the options that name them."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.messages.asking import HttpConnection, request
from testkit.servers.programs import API_KEY, ROOT, Cluster, Size, cluster
from testkit.servers.servers import Servers, fresh_database, fresh_vhost

OURS = "this checkout"
SHARDED = {"CALLPLANE_COMMANDS": "sharded", "CALLPLANE_MAILBOXES": "log"}
"""What programs of the topology that grows are told."""


@dataclass(frozen=True)
class Side:
    """Whose programs, with what they are told beside the rest."""

    root: Path = ROOT
    settings: dict[str, str] = field(default_factory=dict)


def add_sides(parser: argparse.ArgumentParser) -> None:
    """The options that ``sides_of`` reads."""
    parser.add_argument("--beside", type=Path, help="a checkout whose programs take turns with ours")
    parser.add_argument("--sharded", action="store_true", help="ours also with CALLPLANE_COMMANDS=sharded")


def sides_of(options: argparse.Namespace) -> dict[str, Side]:
    """All that take turns, by what the tables call them."""
    sides = {OURS: Side()}
    if options.sharded:
        sides[f"{OURS}, sharded"] = Side(settings=SHARDED)
    if options.beside is not None:
        sides["beside it"] = Side(options.beside.resolve())
    return sides


@asynccontextmanager
async def programs_of(around: Servers, side: Side, media_servers: int, **settings: str) -> AsyncIterator[Cluster]:
    """An API pod and a wrapper of that side, with a virtual host and a database of their own on these servers."""
    size = Size(apis=1, wrappers=1, media_servers=media_servers, root=side.root)
    async with (
        fresh_vhost(around.vhost.node) as vhost,
        fresh_database(around.database.server) as database,
        cluster(Servers(vhost, database), size, **settings, **side.settings) as made,
    ):
        yield made


async def version_of(at: HttpConnection) -> str:
    """What stands before the paths of this API, which an older one had not."""
    status, _ = await at.ask(request("POST", "/v1/sessions", {"X-API-Key": API_KEY}, b"{}"))
    return "" if status == 404 else "/v1"
