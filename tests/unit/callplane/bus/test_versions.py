"""Only what RabbitMQ 3.10 to 4.3 all accept is asked of the broker, wherever in the code it is asked.

RabbitMQ 4.3 refuses queues that are neither durable nor exclusive, `basic.qos` with the global flag and the arguments
`x-queue-master-locator`, `x-queue-mode` and `x-queue-version` 1; 4.0 removed mirroring, which policies asked for.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callplane.bus.names import SHARDS, TIMELINE, WEBHOOKS, twin_of
from callplane.bus.rabbitmq import arguments

ROOT = Path(__file__).parents[4]
PACKAGES = ("api", "callplane", "cli", "wrapper")

# Each is of 3.8 or older, and in the documentation of 4.3 for the queue types that we use.
ALLOWED = {
    "x-queue-type",
    "x-expires",
    "x-message-ttl",
    "x-max-length",
    "x-overflow",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-single-active-consumer",
    "x-delivery-limit",
    # What the broker writes into the headers of a message whose deliveries have come to their limit.
    # Of streams, since 3.9.
    "x-max-age",
    "x-max-length-bytes",
    "x-stream-max-segment-size-bytes",
    "x-initial-cluster-size",
    "x-stream-offset",
    "x-first-death-queue",
    "x-first-death-reason",
}


def calls(text: str, *wanted: str) -> Iterator[ast.Call]:
    """Every call of a method of one of these arguments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in wanted:
            yield node


def flags(call: ast.Call) -> dict[str, Any]:
    """The keyword arguments that are constants."""
    return {one.arg: one.value.value for one in call.keywords if one.arg and isinstance(one.value, ast.Constant)}


def refused(text: str) -> list[str]:
    """What a broker of 4.3 would not do, one sentence each."""
    found = []
    for call in calls(text, "queue_declare", "declare_queue"):
        given = flags(call)
        if not (given.get("durable") or given.get("exclusive") or given.get("passive")):
            found.append(f"line {call.lineno}: a queue that is neither durable nor exclusive")
        if given.get("auto_delete"):
            found.append(f"line {call.lineno}: an auto-deleted queue")
    for call in calls(text, "basic_qos", "set_qos"):
        if any(one.arg in ("global_", "all_channels") for one in call.keywords) or len(call.args) > 2:
            found.append(f"line {call.lineno}: a global prefetch")
    strings = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    found += [f"line {node.lineno}: the argument {node.value}" for node in strings if unknown_argument(node.value)]
    return found


def unknown_argument(value: object) -> bool:
    """Whether it looks like a queue argument and is not allowed; HTTP headers begin with x- as well."""
    headers = {
        "x-api-key",
        "x-request-id",
        "x-death",
        "x-delivery-count",
        "x-forwarded-",
        "x-forwarded-for",
        "x-real-ip",
    }
    return isinstance(value, str) and value.startswith("x-") and " " not in value and value not in ALLOWED | headers


def test_nothing_is_asked_that_is_refused() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    asking = [path for path in files if "queue_declare" in path.read_text()]
    assert len(asking) > 3
    assert {str(path.relative_to(ROOT)): bad for path in files if (bad := refused(path.read_text()))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "channel.queue_declare('a')",
        "channel.queue_declare('a', durable=False)",
        "channel.queue_declare('a', durable=True, auto_delete=True)",
        "channel.basic_qos(prefetch_count=1, global_=True)",
        "channel.set_qos(1, 0, True)",
        "channel.queue_declare('a', durable=True, arguments={'x-queue-mode': 'lazy'})",
        "ARGUMENTS = {'x-queue-master-locator': 'min-masters'}",
    ],
)
def test_what_is_refused_would_be_found(code: str) -> None:
    assert len(refused(code)) == 1


def test_every_constant_argument_has_a_value_that_all_versions_take() -> None:
    declared = [value for key, value in vars(arguments).items() if key.endswith("ARGUMENTS") or key == "CLASSIC"]
    assert len(declared) == 6
    for values in declared:
        assert values["x-queue-type"] == "classic"
        assert set(values) <= ALLOWED


@pytest.mark.parametrize("queue", [*arguments.FIXED, *SHARDS])
def test_a_twin_is_replicated_and_says_how_often_it_hands_out_a_message(queue: str) -> None:
    """RabbitMQ 4 has a limit if nothing is said, beyond which it drops what has nowhere to go."""
    assert arguments.arguments_of(queue)["x-queue-type"] == "classic"
    values = arguments.arguments_of(twin_of(queue))
    assert (values["x-queue-type"], set(values) <= ALLOWED) == ("quorum", True)
    if queue == "retry":
        return  # nobody consumes it
    assert values["x-delivery-limit"] >= 20
    assert queue == "dead-letters" or values["x-dead-letter-routing-key"] == "quorum.dead-letters"


def test_queues_of_events_are_bounded() -> None:
    """Nobody may be there to take them, and a broker whose disk is full stops every publisher."""
    for queue in (TIMELINE, WEBHOOKS):
        assert arguments.arguments_of(queue)["x-max-length"] > 0
