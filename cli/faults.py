"""Faults over HTTP: servers that `callplane up` has started, killed on purpose with the key of that run.

No API program has these routes, and no OpenAPI document: `callplane up` alone gives them to the API in its own process.
"""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.credentials import KeyHolder
from api.auth.permissions import Permissions
from api.dependencies import ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.schemas.responses import View
from callplane.contracts.refusals.callers import operator_key_needed
from callplane.contracts.refusals.operators import server_not_killable, server_not_off, server_not_up
from cli.children import Children
from cli.supervised import State, Supervised

OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]
ServerPath = Annotated[str, Path(max_length=64)]


class ServerView(View):
    """A server that may be killed."""

    id: str
    """by which it is killed"""
    name: str
    """for people"""
    state: State
    """`off`: it is started by who asks for it"""
    effect: str
    """what is seen when it goes"""
    away_seconds: float | None
    """for how long it has been away, or was the last time"""
    page: str | None
    """a call page that it serves"""


class FaultsView(View):
    """What may be killed, and what may not."""

    servers: list[ServerView]
    note: str
    """for people"""


def faults(children: Children, key: str, note: str) -> APIRouter:
    """The routes; ``key`` is the name of the only API key that may ask them."""
    router = APIRouter(prefix="/faults", route_class=GuardedRoute, include_in_schema=False)

    def require_key(request: ApiRequest) -> None:
        request.permit(Permissions.operate)
        # Nobody else can have a key of this name: the database's give way to those of settings.
        if not (isinstance(request.credential, KeyHolder) and request.credential.name == key):
            raise operator_key_needed()

    def named(server_id: str) -> Supervised:
        found = next((one for one in children.supervised if one.about.id == server_id), None)
        if found is None:
            raise server_not_killable()
        return found

    @router.get("")
    async def list_servers(request: OperatorRequest) -> FaultsView:
        require_key(request)
        return FaultsView(servers=[_view(one) for one in children.supervised], note=note)

    @router.post("/{server_id}/kill", status_code=202)
    async def kill(server_id: ServerPath, request: OperatorRequest) -> ServerView:
        require_key(request)
        server = named(server_id)
        if not server.kill():
            raise server_not_up()
        return _view(server)

    @router.post("/{server_id}/start", status_code=202)
    async def start(server_id: ServerPath, request: OperatorRequest) -> ServerView:
        require_key(request)
        server = named(server_id)
        if not server.start():
            raise server_not_off()
        return _view(server)

    return router


def _view(one: Supervised) -> ServerView:
    away = None if one.away_seconds is None else round(one.away_seconds, 1)
    about = one.about
    return ServerView(
        id=about.id, name=about.name, state=one.state, effect=about.effect, away_seconds=away, page=about.page
    )
