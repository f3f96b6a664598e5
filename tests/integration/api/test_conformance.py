"""The running API does what its own OpenAPI says, for requests that fit it and for requests that do not."""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from testkit.servers.programs import Size, cluster
from testkit.servers.servers import Servers
from tests.integration.api.test_bad_input import KEY, Seat, loud

EXAMPLES = 12 if os.environ.get("FAULTS") == "all" else 4
"""For each operation, of both kinds."""
PATIENCE = 10
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Text for Prometheus is not JSON, and nothing more is said about it.
LEFT_OUT = {"/metrics"}


@dataclass(frozen=True)
class Target:
    """Where to send requests, and a seat that some of them are about."""

    url: str
    seat: Seat

    def fit(self, case: Case, about_us: bool, as_us: bool) -> dict[str, str]:
        """Let a request be about our session now and then; returns the headers that say who asks."""
        if about_us:
            ours = {"session_id": self.seat.session, "participant_id": self.seat.participant}
            case.path_parameters = {
                **case.path_parameters,
                **{k: v for k, v in ours.items() if k in case.path_parameters},
            }
        if case.path == "/v1/messages":
            # A poll that may wait would; wrong values stay what they are.
            waits = (case.query or {}).get("wait", 0)
            case.query = {**(case.query or {}), "wait": 0 if isinstance(waits, int | float) and waits <= 60 else waits}
        if case.path == "/v1/events":
            case.query = {**(case.query or {}), "follow": "false"}
        if case.path == "/v1/media-servers" and isinstance(case.body, dict):
            # Wrappers connect to what is registered, and names that were made up may be somebody's.
            url = case.body.get("url")
            nowhere = "ws://127.0.0.1:9/kurento" if isinstance(url, str) and url.startswith("ws") else url
            case.body = {**case.body, **({"url": nowhere} if "url" in case.body else {})}
        # A stream that is let in does not end; tests of streams look at those.
        return self.seat.who if as_us and case.path != "/v1/messages/stream" else KEY


def hold(operation: Any, target: Target, mode: GenerationMode) -> None:
    """Send requests for one operation, and check each answer against its description."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), about_us=st.booleans(), as_us=st.booleans())
    def one(case: Case, about_us: bool, as_us: bool) -> None:
        headers = target.fit(case, about_us, as_us)
        answer = case.call(base_url=target.url, headers=headers, timeout=20)
        for _ in range(PATIENCE):
            if answer.status_code != 503:
                break
            time.sleep(1)  # as clients do: on a machine that stands still a command may be late
            answer = case.call(base_url=target.url, headers=headers, timeout=20)
        # Each server-sent event would be held to the schema of the text that they are in.
        left_out = {response_schema_conformance} if case.path == "/v1/events" else set()
        case.validate_response(answer, checks=[check for check in CHECKS if check not in left_out])

    one()


def seated(url: str) -> Seat:
    """A new session with one participant: the requests before may have closed the last one."""
    with httpx.Client(base_url=url, headers=KEY, timeout=15) as http:
        session = http.post("/sessions", json={}).json()["id"]
        joined = http.post(f"/sessions/{session}/participants", json={"role": "moderator"}).json()
    return Seat(session, joined["participant"]["id"], joined["token"])


def hold_all(url: str) -> None:
    """Every operation of the description, with both kinds of requests."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path not in LEFT_OUT:
            for mode in GenerationMode:
                # What has neither parameters nor a body cannot be asked for wrongly.
                with suppress(Unsatisfiable):
                    hold(operation, Target(url, seated(url)), mode)


@pytest.mark.timeout(300)
async def test_the_api_is_what_its_description_says(servers: Servers) -> None:
    async with cluster(servers, Size(apis=1, wrappers=1), CALLPLANE_EVENT_STREAM_DAYS="1") as programs:
        await asyncio.to_thread(hold_all, programs.apis[0].url)
        assert loud(programs) == []
