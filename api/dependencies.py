"""Request dependencies: the verified request that a route is given, its Idempotency-Key and its If-Match."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, StringConstraints
from starlette.requests import HTTPConnection

from api.auth.credentials import Credential, caller, identity
from api.dispatch.dispatcher import CommandOrigin, PreparedCommand
from api.http.disconnects import require_connected
from api.services import Services, services_of
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire
from callplane.contracts.registry import Command

Result = TypeVar("Result", bound=Wire)

# Both only describe themselves in OpenAPI; ``Credentials`` reads the headers, for it decides between them.
_KEY = APIKeyHeader(name="X-API-Key", scheme_name="api_key", auto_error=False)
_BEARER = HTTPBearer(scheme_name="token", auto_error=False, description="A participant token or an access token.")

_ETAG = re.compile(r'"(\d{1,18})"')

_CREDENTIAL = "callplane.credential"
_KEY_SHAPE = StringConstraints(min_length=16, max_length=128, pattern=r"^[\x21-\x7e]+$")
IdempotencyKey = Annotated[str, _KEY_SHAPE]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A verified request; ``arrived`` is the database time at which this pod had read it."""

    services: Services
    credential: Credential
    http: Request
    arrived: datetime
    key: str | None = None

    async def execute(self, session_id: SessionId | None, body: Command[Result]) -> Result:
        """Send a command whose outcome is needed: no answer in time is a refusal to try again."""
        answer = await self.services.dispatcher.request(await self.prepare(session_id, body))
        if answer is None:
            raise Refusal("unavailable", "The command was accepted, but its outcome is not known yet.")
        return answer

    async def prepare(self, session_id: SessionId | None, body: Command[Result]) -> PreparedCommand[Result]:
        """The command of this request, ready to be sent. Raises ClientDisconnected when nobody waits for its
        outcome.
        """
        if not body.is_exit:
            await require_connected(self.http)  # before its key is recorded, as if it had never come
        return await self.services.dispatcher.prepare(self._origin, session_id, body)

    async def claim_key(self, body: BaseModel) -> tuple[str, bool]:
        """The id of what is no command on the bus, the same under one key, and whether that is known for long.

        Raises ClientDisconnected as ``prepare`` does.
        """
        await require_connected(self.http)
        return await self.services.dispatcher.claim_key(self._origin, body)

    async def require_connected(self) -> None:
        """Go on only for a client that is there. Raises ClientDisconnected."""
        await require_connected(self.http)

    @property
    def scope(self) -> tuple[str, ...]:
        """What a key is good for: this caller, this method, this path."""
        return identity(self.credential), self.http.method, self.http.url.path

    @property
    def _origin(self) -> CommandOrigin:
        return CommandOrigin(caller(self.credential), self.scope, self.arrived, self.key)


def authenticate(services: Services, connection: HTTPConnection) -> Credential:
    """Who asks, and one request less that they may ask; found once in a request. Raises Refusal."""
    found: Credential | None = connection.scope.get(_CREDENTIAL)
    if found is None:
        found = connection.scope[_CREDENTIAL] = _found(services, connection)
    return found


def _found(services: Services, connection: HTTPConnection) -> Credential:
    address = services.proxies.address_of(connection)
    try:
        credential = services.credentials.of(connection.headers)
    except Refusal:
        services.rate_limits.consume_stranger(address)
        raise
    services.rate_limits.consume(credential, getattr(connection.scope.get("route"), "path", ""), address)
    return credential


# Dependencies are coroutines though they wait for nothing: FastAPI runs the others in threads, several to a request.


async def _authenticated(request: Request) -> ApiRequest:
    services = services_of(request)
    credential = authenticate(services, request)
    return ApiRequest(services, credential, request, services.repositories.clock.now())


async def _idempotent(
    request: Annotated[ApiRequest, Depends(_authenticated)],
    idempotency_key: Annotated[
        IdempotencyKey | None, Header(description="Repeats under one key make the thing once (16-128 characters).")
    ] = None,
) -> ApiRequest:
    return replace(request, key=idempotency_key)


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
        raise Refusal("bad-request", 'If-Match is * or one version in quotes, like "7".')
    return int(named[1])


SCHEMES = [Depends(_KEY), Depends(_BEARER)]
"""For the router: every route that asks who asks says so in OpenAPI."""


async def _with_response(
    request: Annotated[ApiRequest, Depends(_idempotent)], response: Response
) -> tuple[ApiRequest, Response]:
    return request, response


Authenticated = Annotated[ApiRequest, Depends(_authenticated)]
Idempotent = Annotated[ApiRequest, Depends(_idempotent)]
IdempotentWithResponse = Annotated[tuple[ApiRequest, Response], Depends(_with_response)]
"""A request that may have an Idempotency-Key, and where to put headers, as one argument."""

IfMatch = Annotated[int | None, Depends(if_match)]


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'
