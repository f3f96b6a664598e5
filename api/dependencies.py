"""Request dependencies: the verified request that a route is given for the permission that its signature declares."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, StringConstraints
from starlette.requests import HTTPConnection

from api.auth.credentials import Credential, Expired, caller, identity
from api.auth.permissions import Permissions
from api.auth.tokens import SEAT, SeatToken
from api.dispatch.dispatcher import CommandDispatcher, CommandOrigin, PreparedCommand, digest
from api.http.disconnects import require_connected
from api.http.versions import asked_at
from api.services import Services, services_of
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire
from callplane.contracts.quotas import Quotas
from callplane.contracts.refusals.requests import if_match_not_readable, outcome_not_known
from callplane.contracts.registry import Command
from callplane.store.log.records import Keyed

P = ParamSpec("P")
Granted = TypeVar("Granted")
Result = TypeVar("Result", bound=Wire)

Permission = Callable[Concatenate[Permissions, Credential, P], Granted]
"""A method of Permissions: refuses by raising, or says what is granted."""

# Both only describe themselves in OpenAPI; ``Credentials`` reads the headers, for it decides between them.
_KEY = APIKeyHeader(name="X-API-Key", scheme_name="api_key", auto_error=False)
_BEARER = HTTPBearer(scheme_name="token", auto_error=False, description="A participant token or an access token.")

_ETAG = re.compile(r'"(\d{1,18})"')

CALLER = "callplane.caller"
"""In the scope: whose request it is, also one that may not be made so soon again, or whose token has expired."""
_CREDENTIAL = "callplane.credential"
_KEY_SHAPE = StringConstraints(min_length=16, max_length=128, pattern=r"^[\x21-\x7e]+$")
IdempotencyKey = Annotated[str, _KEY_SHAPE]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A verified request; ``arrived`` is the database time at which this pod had read it."""

    credential: Credential
    http: Request
    response: Response
    declared: Permission[..., Any]
    permissions: Permissions
    dispatcher: CommandDispatcher
    arrived: datetime
    key: str | None = None
    quotas: Quotas | None = None
    """What bounds how much its commands may make; None: nothing does."""

    def permit(self, permission: Permission[P, Granted], *args: P.args, **more: P.kwargs) -> Granted:
        """Ask the permission that the route declares, for these ids and what the body brings. Raises Refusal."""
        if permission is not self.declared:
            raise LookupError(f"this route declares {self.declared.__name__}, not {permission.__name__}")
        return permission(self.permissions, self.credential, *args, **more)

    async def execute(self, session_id: SessionId | None, body: Command[Result]) -> Result:
        """Send a command whose outcome is needed: no answer in time is a refusal to try again."""
        answer = await self.dispatcher.request(await self.prepare(session_id, body))
        if answer is None:
            raise outcome_not_known()
        return answer

    async def prepare(self, session_id: SessionId | None, body: Command[Result]) -> PreparedCommand[Result]:
        """The command of this request, ready to be sent. Raises ClientDisconnected when nobody waits for its
        outcome.
        """
        if not body.is_exit:
            await require_connected(self.http)  # before its key is recorded, as if it had never come
        return await self.dispatcher.prepare(self._origin, session_id, body)

    async def claim_key(self, body: BaseModel) -> tuple[str, bool]:
        """The id of what is no command on the bus, the same under one key, and whether that is known for long.

        Raises ClientDisconnected as ``prepare`` does.
        """
        await require_connected(self.http)
        return await self.dispatcher.claim_key(self._origin, body)

    async def key_in_record(self, body: BaseModel) -> tuple[str, Keyed | None]:
        """The same id, and how a record shows that it came under this request's key; None: it has no key.

        Raises ClientDisconnected as ``prepare`` does.
        """
        await require_connected(self.http)
        id_ = self._origin.command_id()
        return id_, None if self.key is None else Keyed(id_, bytes.fromhex(digest(body))[:16])

    def asked_at(self, path: str) -> str:
        """A path for this client's eyes, with the version by which it asks."""
        return asked_at(self.http.scope, path)

    async def require_connected(self) -> None:
        """Go on only for a client that is there. Raises ClientDisconnected."""
        await require_connected(self.http)

    def now(self) -> datetime:
        """The database's time."""
        return self.dispatcher.clock.now()

    @property
    def _origin(self) -> CommandOrigin:
        """Its scope is what a key is good for: this caller, this method, this path; without a key it has none."""
        scope = () if self.key is None else (identity(self.credential), self.http.method, self.http.url.path)
        who = caller(self.credential)
        bounded = who if self.quotas is None else who.model_copy(update={"quotas": self.quotas})
        return CommandOrigin(bounded, scope, self.arrived, self.key)


def authenticate(services: Services, connection: HTTPConnection) -> Credential:
    """Who asks, and one request less that they may ask; found once in a request. Raises Refusal."""
    found: Credential | None = connection.scope.get(_CREDENTIAL)
    if found is None:
        found = connection.scope[_CREDENTIAL] = _found(services, connection)
    return found


def _found(services: Services, connection: HTTPConnection) -> Credential:
    address = services.proxies.address_of(connection)
    seat: SeatToken | None = connection.scope.get(SEAT)
    try:
        credential = seat or services.credentials.of(connection.headers)
    except Refusal as refusal:
        services.rate_limits.consume_stranger(address)
        if isinstance(refusal, Expired):
            connection.scope[CALLER] = refusal.said
        raise
    connection.scope[CALLER] = credential
    services.rate_limits.consume(credential, getattr(connection.scope.get("route"), "path", ""), address)
    return credential


# Dependencies are coroutines though they wait for nothing: FastAPI runs the others in threads, several to a request.


class Declares:
    """A dependency by which a route declares a permission."""

    def __init__(self, permission: Permission[..., Any]) -> None:
        self.permission = permission


def request_of(
    http: Request, response: Response, permission: Permission[..., Any], key: str | None = None
) -> ApiRequest:
    """The verified request, under this Idempotency-Key, for a route that declares this permission. Raises Refusal."""
    services = services_of(http)
    credential = authenticate(services, http)
    permissions, dispatcher = services.permissions, services.dispatcher
    arrived, quotas = dispatcher.clock.now(), services.quotas.bounding(credential)
    return ApiRequest(credential, http, response, permission, permissions, dispatcher, arrived, key, quotas)


class _Allowed(Declares):
    async def __call__(self, http: Request, response: Response) -> ApiRequest:
        return request_of(http, response, self.permission)


class _Idempotent(Declares):
    async def __call__(
        self,
        http: Request,
        response: Response,
        idempotency_key: Annotated[
            IdempotencyKey | None, Header(description="Repeats under one key make the thing once (16-128 characters).")
        ] = None,
    ) -> ApiRequest:
        return request_of(http, response, self.permission, idempotency_key)


def allowed(permission: Permission[..., Any]) -> Any:
    """In a route's signature: its callers need this permission, which its body asks by ``permit``."""
    return Depends(_Allowed(permission))


def idempotent(permission: Permission[..., Any]) -> Any:
    """The same for a route whose requests may have an Idempotency-Key."""
    return Depends(_Idempotent(permission))


async def public() -> None:
    """Ask nothing of who calls."""


PUBLIC = Depends(public)
"""For a route that anybody may call, with whatever credential or none."""


def permission_of(dependency: Callable[..., Any] | None) -> Permission[..., Any] | None:
    """The permission that a dependency declares, if it declares one."""
    return dependency.permission if isinstance(dependency, Declares) else None


async def if_match(
    value: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description='The version that it must still have, `"7"`, or `*`.',
            json_schema_extra={"pattern": r'^(\*|"[0-9]{1,18}")$'},
        ),
    ] = None,
) -> int | None:
    """The version that the caller names; None: any (RFC 9110, 13.1.1)."""
    if value is None or value.strip() == "*":
        return None
    named = _ETAG.fullmatch(value.strip())
    if named is None:
        raise if_match_not_readable()
    return int(named[1])


IfMatch = Annotated[int | None, Depends(if_match)]

SCHEMES = [Depends(_KEY), Depends(_BEARER)]
"""For the router: every route that asks who asks says so in OpenAPI."""


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'
