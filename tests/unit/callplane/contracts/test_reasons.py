"""Reasons: codes everywhere a program chooses one, and any text wherever one is read."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from callplane.contracts import reasons
from callplane.contracts.messages import Message
from callplane.contracts.reasons import SeatReason, SessionReason
from callplane.store.documents import ConnectionDocument

ROOT = Path(__file__).parents[4]
OLD_SENTENCE = "the pipeline is gone from its media server"


def codes() -> Iterator[str]:
    for kind in vars(reasons).values():
        if get_origin(kind) is not None:
            yield from get_args(kind)


def constants() -> Iterator[tuple[str, str]]:
    """What stands as ``reason`` in the product's calls and parameters, as far as it is written there."""
    for program in ("api", "wrapper", "callplane"):
        for path in sorted((ROOT / program).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    for keyword in node.keywords:
                        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant):
                            yield str(path.relative_to(ROOT)), str(keyword.value.value)


@pytest.mark.parametrize("code", sorted(set(codes())))
def test_a_reason_is_a_code_that_the_design_names(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert f"`{code}`" in (ROOT / "docs" / "design.md").read_text()


def test_nothing_else_is_given_as_a_reason() -> None:
    assert [(path, reason) for path, reason in constants() if reason not in set(codes())] == []


def test_the_page_has_a_text_for_each_that_it_shows() -> None:
    words = (ROOT / "web" / "page" / "texts.js").read_text()
    states = {"left": get_args(SeatReason), "closed": (*get_args(SessionReason), "session-closed")}
    shown = [f"{state} {code}" for state, known in states.items() for code in known if code != state]
    assert [one for one in shown if f'"{one}":' not in words] == []


def test_what_another_version_has_written_is_read() -> None:
    """Sentences of the one before, and codes of the one to come."""
    for reason in (OLD_SENTENCE, "moved-elsewhere"):
        stored: dict[str, Any] = {
            "_id": "c",
            "session_id": "s",
            "participant_id": "p",
            "state": "released",
            "version": 1,
        }
        assert ConnectionDocument.model_validate({**stored, "reason": reason}).reason == reason
        sent = Message(id="m", type="media-lost", session_id="s", at=datetime.now(UTC), data={"reason": reason})
        assert Message.model_validate_json(sent.model_dump_json()).data["reason"] == reason
