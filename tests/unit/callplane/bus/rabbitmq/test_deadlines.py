"""Deadlines of calls on channels are our own: aiormq's put a frame behind the answer to a close of its channel.

Then the broker ends the connection with all that is on it (``integration/bus/test_deletions.py`` on a busy machine).
"""

import ast
from pathlib import Path

import aiormq

from callplane.bus.rabbitmq import connection

CALLS = ("rpc", "exchange_", "queue_", "basic_", "confirm_")
# Which has its deadline by asyncio.timeout, in the task that puts the frames.
BY_ITSELF = "basic_publish"


def with_a_deadline_of_aiormq(text: str) -> list[int]:
    """The lines of such calls."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith(CALLS)
        and node.func.attr != BY_ITSELF
        and any(one.arg == "timeout" for one in node.keywords)
    ]


def test_no_call_has_a_deadline_of_aiormq() -> None:
    modules = sorted(Path(connection.__file__).parent.glob("*.py"))
    assert len(modules) > 10
    assert {path.name: found for path in modules if (found := with_a_deadline_of_aiormq(path.read_text()))} == {}


def test_one_that_has_is_found() -> None:
    assert with_a_deadline_of_aiormq(
        "await raw.queue_declare('q',\n  timeout=3)\nawait raw.basic_publish(timeout=3)"
    ) == [1]


def test_no_frame_waits_for_room() -> None:
    assert aiormq.Connection.FRAME_BUFFER_SIZE >= 4096
