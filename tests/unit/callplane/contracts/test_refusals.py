"""Refusals: made in one place, in one register of English."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from callplane.contracts import refusals
from callplane.contracts.errors import STATUS, Problem, Refusal

ROOT = Path(__file__).parents[4]
PROGRAMS = ("api", "wrapper", "hooks", "callplane", "cli")

SAMPLES: dict[str, Any] = {
    "grants": ["publish", "chat"],
    "reason": "kicked",
    "seats": 12,
    "longest": 600.0,
    "version": 7,
    "key": "slide",
    "code": "forbidden",
    "role": "moderator",
    "missing": ["camera", "screen"],
    "what": "requests",
    "differing": ["grace", "duplicates"],
    "quota": "identity_requests",
    "most": 2.5,
    "seconds": 1.2,
    "limit": 32_768,
    "name": "kms-1",
    "kind": "chat-edit",
    "why": "Unsupported media in the offer.\r\n",
}

DETAIL = re.compile(r"(?!.*\. [a-z])[A-Z][^\n]*[^.\s]\.")
"""Sentences on one line, each with a capital and a full stop."""


def constructors() -> Iterator[Callable[..., Refusal]]:
    for module in iter_modules(refusals.__path__, f"{refusals.__name__}."):
        for name, made in inspect.getmembers(import_module(module.name), inspect.isfunction):
            if made.__module__ == module.name and not name.startswith("_"):
                yield made


def sample(made: Callable[..., Refusal]) -> Refusal:
    return made(**{name: SAMPLES[name] for name in inspect.signature(made).parameters})


def product() -> Iterator[tuple[str, ast.Call]]:
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield str(path.relative_to(ROOT)), node


def named(made: Callable[..., Refusal]) -> str:
    return f"{made.__module__.rpartition('.')[2]}.{made.__name__}"


@pytest.mark.parametrize("made", list(constructors()), ids=named)
def test_each_says_in_sentences_what_was_refused_and_what_to_do(made: Callable[..., Refusal]) -> None:
    problem = sample(made).problem
    assert problem.code in STATUS
    assert DETAIL.fullmatch(problem.detail), problem.detail
    assert ". " in problem.detail or problem.code == "kicked", "and what is to be done about it?"


def test_no_two_say_the_same() -> None:
    details = [sample(made).problem.detail for made in constructors()]
    twice = {detail for detail in details if details.count(detail) > 1}
    # A seat is gone, whoever finds it gone.
    assert twice == {"The seat of this participant is gone. Join again."}


def test_nothing_else_makes_a_refusal() -> None:
    made = {path for path, call in product() if isinstance(call.func, ast.Name) and call.func.id == "Refusal"}
    assert {path for path in made if not path.startswith("callplane/contracts/refusals/")} == set()
    assert len(made) >= 5


def test_what_is_no_refusal_but_a_problem_speaks_alike() -> None:
    """A request that no route has seen is answered by a bare problem."""
    details = [
        keyword.value.value
        for _, call in product()
        if isinstance(call.func, ast.Name) and call.func.id == "Problem"
        for keyword in call.keywords
        if keyword.arg == "detail" and isinstance(keyword.value, ast.Constant)
    ]
    assert len(details) >= 4
    assert [detail for detail in details if not DETAIL.fullmatch(detail)] == []


def test_without_words_of_its_own_a_problem_says_its_title() -> None:
    assert Problem(code="session-closed").as_problem()["detail"] == "The session is closed."
    assert Refusal("session-closed").problem.detail == "The session is closed."


def test_what_another_program_has_written_down_is_raised_as_it_was() -> None:
    problem = Problem(code="join-again", detail="The seat is gone.", reason="kicked", retry_after=3)
    assert Refusal.of(Problem.model_validate_json(problem.model_dump_json())).problem == problem
