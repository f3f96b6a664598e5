"""MongoDB is spoken in the store alone: nobody else builds a filter or an update, or reaches a collection."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("api", "callplane", "hooks", "wrapper")
STORE = Path("callplane/store")
SCHEMA_KEYS = {"$ref", "$defs"}
"""JSON Schema's own keys begin with a dollar too (OpenAPI)."""
INSIDE = {"_collection", "_updates", "counted"}
"""What repositories hold."""


def outside() -> Iterator[Path]:
    """The modules of programs that use the store, and are not of it."""
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            if not path.relative_to(ROOT).is_relative_to(STORE):
                yield path


def breaches(source: str) -> list[str]:
    """The keys of filters and updates in it, and what it reaches inside a repository."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Dict(keys=keys):
                texts = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
                found += [text for text in texts if text == "_id" or (text[:1] == "$" and text not in SCHEMA_KEYS)]
            case ast.Attribute(attr=name) if name in INSIDE:
                found.append(name)
    return found


def test_no_filter_is_built_and_no_collection_reached_outside_the_store() -> None:
    modules = list(outside())
    assert len(modules) > 100
    assert {str(path.relative_to(ROOT)): found for path in modules if (found := breaches(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('await connections.release({"_id": made}, "failed")', ["_id"]),
        ('await connections.of_session(id_, **{"epoch": {"$lt": 3}})', ["$lt"]),
        ("await store.sessions.counted.pull_chore(id_, chore)", ["counted"]),
        ('await connections._collection.update_one({"_id": id_}, {})', ["_collection", "_id"]),
        ('schema = {"$ref": "#/components/schemas/Problem"}', []),
        ('await connections.release_own(made, participant, "failed")', []),
    ],
)
def test_the_law_notices(line: str, found: list[str]) -> None:
    assert sorted(breaches(f"async def f():\n    {line}\n")) == sorted(found)
