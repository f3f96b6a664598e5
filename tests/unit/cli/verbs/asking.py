"""Verbs that ask an API which remembers what it was asked, and answers as the test says."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from cli import __main__ as command
from cli.verbs import nouns

Answer = Callable[[tuple[Any, ...]], dict[str, Any]]


def asked_by(
    said: list[str], answer: Answer, monkeypatch: pytest.MonkeyPatch, status: int = 0
) -> list[tuple[Any, ...]]:
    """Run one verb, which must end with this status; what it has asked."""
    asked: list[tuple[Any, ...]] = []

    class Answers:
        """An API."""

        def __init__(self, *_: object) -> None:
            self.url = ""

        def ask(self, *question: Any) -> dict[str, Any]:
            """As the test says."""
            asked.append(question)
            return answer(question)

    monkeypatch.setattr(nouns, "Server", cast(Any, Answers))
    assert command.main(said) == status
    return asked
