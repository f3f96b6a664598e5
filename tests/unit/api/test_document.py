"""The OpenAPI document: names, descriptions, messages, and the credentials that each route really takes."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from api.auth.accepted import ACCEPTED
from api.auth.permissions import Permissions
from api.routing import routed
from callplane.contracts.messages import MessageType
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

DOCUMENT = routed().openapi()

# Bodies that fit: what is no body of the route is refused before its permission is asked.
BODIES: dict[str, Any] = {
    "publishOrSubscribe": {"kind": "publish", "sdp_offer": OFFER},
    "trickleICECandidates": {"candidates": []},
    "sendSignal": {"type": "wave"},
    "answerWithReport": {"id": "q", "report": {}},
    "changeSession": {"metadata": {}},
    "changeParticipant": {"name": "Ada"},
    "muteEverybodyButSome": {"audio": True},
    "editMessage": {"data": "hello"},
    "setKeyOfSharedState": {"value": 4},
    "makeAccessToken": {"session": "s", "identity": "ada"},
    "makeWebhook": {"url": "https://hooks.example.com/"},
    "changeWebhook": {"state": "active"},
    "registerMediaServer": {"name": "m", "url": "ws://127.0.0.1:9/kurento"},
    "changeTenant": {"quotas": {"seats": 5}},
    "makeAPIKey": {"name": "shop"},
    "cordonOrDrainMediaServer": {"cordoned": True},
}
NAMED = {"session_id": "s", "participant_id": "ada", "connection_id": "c" * 36, "message_id": "m", "name": "m"}
NAMED |= {"webhook_id": "w", "delivery_id": "d", "tenant": "web"}
NAMED |= {"identity": "web:ada", "letter_id": "l", "collection": "sessions", "key": "00"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def test_each_operation_has_a_name_of_its_own_that_reads_well() -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations())
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z]+[a-z]*)+", name)] == []


def test_every_property_and_every_parameter_is_described() -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description")
    ]
    for method, path, operation in operations():
        silent += [
            f"{method} {path} {one['name']}" for one in operation.get("parameters", ()) if not one["description"]
        ]
    assert silent == []


def test_messages_are_told_apart_by_their_type() -> None:
    shapes = DOCUMENT["components"]["schemas"]
    mapping = shapes["Message"]["discriminator"]["mapping"]
    assert set(mapping) == set(get_args(MessageType))
    for type_, ref in mapping.items():
        typed = shapes[ref.rpartition("/")[2]]["properties"]
        assert typed["type"]["const"] == type_
        assert typed["data"].get("$ref", "").rpartition("/")[2] in shapes
    listed = shapes["MessagesView"]["properties"]["messages"]["items"]
    assert listed == {"$ref": "#/components/schemas/Message"}


def test_every_permission_says_which_credentials_it_takes() -> None:
    public = {name for name, one in vars(Permissions).items() if callable(one) and not name.startswith("_")}
    assert set(ACCEPTED) == public
    known = set(DOCUMENT["components"]["securitySchemes"])
    for method, path, operation in operations():
        used = {name for one in operation.get("security", ()) for name in one}
        assert used <= known
        assert bool(used) == path.startswith("/v1/"), (method, path)


def credentials(it: Api) -> dict[str, dict[str, str]]:
    """One of each kind, as good as there is for the session ``s``."""
    claims = {"sub": "eve", "session": "s", "role": "moderator"}
    access = it.program.services.access_tokens.sign("tests", claims, int(time.time()) + 600)
    return {
        "api_key": BY_KEY,
        "access_token": {"Authorization": f"Bearer {access}"},
        "participant_token": it.token("s", "ada"),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("kind", ["api_key", "access_token", "participant_token"])
async def test_a_credential_that_the_document_does_not_name_is_refused(database: Database, kind: str) -> None:
    await session_of(database, participants=[{"id": "ada", "role": "moderator"}])
    async with api(settings_for(database), ScriptedBus()) as it:
        answers = {}
        for method, path, operation in operations():
            name = operation["operationId"]
            taken = {one for each in operation.get("security", ()) for one in each}
            if taken and kind not in taken:
                body = {"json": BODIES.get(name, {})} if "requestBody" in operation else {}
                headers = credentials(it)[kind]
                answers[name] = (
                    await it.http.request(method, path.format(**NAMED), headers=headers, **body)
                ).status_code
        answers.pop("receiveMessagesOverWebSocket", None)  # which answers 400 without its handshake
        assert len(answers) > 3
        assert {name: status for name, status in answers.items() if status not in (401, 403)} == {}
