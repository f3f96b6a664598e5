"""Ids have types: ``session_id: SessionId`` wherever one is handed on, and a bare noun is the object itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("api", "callplane", "hooks", "wrapper")
IDS = {
    "session_id": "SessionId",
    "participant_id": "ParticipantId",
    "connection_id": "ConnectionId",
    "command_id": "CommandId",
}
NOUNS = {name.removesuffix("_id") for name in IDS} - {"command"}
"""A command's name is called that too, where it is a label of metrics."""

NAMES = {
    name: ["session: str | None"]
    for name in ("api/auth/tokens.py", "api/auth/rules.py", "callplane/store/presences.py")
}
"""An access token names its session by id or by custom id."""


def untyped(source: str) -> Iterator[str]:
    """Parameters and fields of ids that are plain texts, and of objects that are ids."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                pass
            case _:
                continue
        types = {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
        if (name in IDS and "str" in types) or (
            name in NOUNS and types & {"str", *IDS.values()} and "dict" not in types
        ):
            yield f"{name}: {ast.unparse(annotation)}"


def test_ids_are_typed_in_every_program() -> None:
    modules = [path for program in PROGRAMS for path in sorted((ROOT / program).rglob("*.py"))]
    assert len(modules) > 150
    assert {str(path.relative_to(ROOT)): found for path in modules if (found := [*untyped(path.read_text())])} == NAMES


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("async def find(session_id: str) -> None: ...", ["session_id: str"]),
        ("async def find(session: SessionId) -> None: ...", ["session: SessionId"]),
        ("participant_id: str | None = None", ["participant_id: str | None"]),
        ("async def show(session: SessionDocument, participant_id: ParticipantId) -> None: ...", []),
        ("connection_id: ConnectionId | None = None", []),
    ],
)
def test_the_law_notices(line: str, found: list[str]) -> None:
    assert [*untyped(line)] == found
