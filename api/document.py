"""OpenAPI document: what the framework finds in the routes, and what it cannot: versions, credentials, messages."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from api.auth.accepted import ACCEPTED
from api.dependencies import permission_of
from api.http.problems import ProblemBody
from api.http.versions import VERSION, noun_of
from api.schemas.responses import EXAMPLES
from callplane.contracts.message_data import typed_messages

SCHEMES: dict[str, dict[str, str]] = {
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Of a server."},
    "access_token": {"type": "http", "scheme": "bearer", "description": "Of somebody who may join (docs/tokens.md)."},
    "participant_token": {"type": "http", "scheme": "bearer", "description": "Of a seat: a join is answered with it."},
}
"""The credentials that there are; how they are told apart is the program's business."""

_SCHEMAS = "#/components/schemas/"


def operation_id(route: APIRoute) -> str:
    """What a program calls the operation: the summary's first words, as ``listSessions``."""
    words: list[str] = re.findall(r"[A-Za-z]+", (route.summary or route.name.replace("_", " ")).partition(",")[0])
    told = [word for word in words if word.lower() not in ("a", "an", "the", "by")]
    return "".join([told[0].lower(), *(word[0].upper() + word[1:] for word in told[1:])])


def describe(app: FastAPI, nouns: Iterable[str]) -> dict[str, Any]:
    """The document of these routes; ``nouns`` have a version in their paths."""
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for route in every(app.routes):
        if isinstance(route, APIRoute) and route.path_format in schema["paths"]:
            _tell_security(route, schema["paths"][route.path_format])
    versioned = frozenset(nouns)
    paths = schema["paths"].items()
    schema["paths"] = {VERSION + path if noun_of(path) in versioned else path: item for path, item in paths}
    schema["components"]["securitySchemes"] = SCHEMES
    shapes = schema["components"]["schemas"]
    shapes["Problem"] = ProblemBody.model_json_schema(ref_template=_SCHEMAS + "{model}")
    shapes |= shapes["Problem"].pop("$defs", {})
    _tell_messages(shapes)
    for name, example in EXAMPLES.items():
        shapes[name]["examples"] = [example]
    return schema


def every(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """All routes, those of routers within as well."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from [route] if router is None else every(router.routes)


def _tell_security(route: APIRoute, item: dict[str, Any]) -> None:
    """Which credentials the permission takes that the route declares; none where it is public."""
    declared = [permission_of(one.call) for one in route.dependant.dependencies]
    for operation in (item[method.lower()] for method in route.methods or ()):
        for permission in filter(None, declared):
            operation["security"] = [{name: []} for name in ACCEPTED[permission.__name__]]
        if {"token": []} in operation.get("security", ()):  # of the socket, which declares it at its handshake
            operation["security"] = [{name: []} for name in ACCEPTED["read_mailbox"]]


def _tell_messages(shapes: dict[str, Any]) -> None:
    """Each type of message as a schema of its own, for programs that make code of the document."""
    typed = typed_messages()
    _, made = models_json_schema([(one, "serialization") for one in typed.values()], ref_template=_SCHEMAS + "{model}")
    for name, schema in made["$defs"].items():
        shapes.setdefault(name, schema)
    mapping = {type_: _SCHEMAS + one.__name__ for type_, one in typed.items()}
    shapes["Message"] = {
        "title": "Message",
        "description": "One message of a mailbox. Later versions have more types: pass over what you do not know.",
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
