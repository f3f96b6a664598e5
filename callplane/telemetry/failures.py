"""Failure texts: types, codes and frames of an exception. Its own text may quote what a user sent."""

import traceback
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable

_SPEAKING = (Unavailable, Busy, Trouble, Refusal, OSError)
"""Whose texts are made of addresses and words of our own."""

_PLACES = 5


def leaves(failure: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group, and in groups in it; of anything else itself."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from leaves(inner)
    else:
        yield failure


def words(failure: BaseException) -> str:
    """One line: the types, with what is known to hold nothing of a user."""
    return ", ".join(dict.fromkeys(_words(leaf) for leaf in leaves(failure)))


def frames(failure: BaseException) -> str:
    """The frames that it came through, and those of its causes; without any text of the exceptions."""
    told = []
    for leaf in leaves(failure):
        link: BaseException | None = leaf
        while link is not None:
            told.append(f"{''.join(traceback.format_tb(link.__traceback__))}{_words(link)}\n")
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "".join(told)


def _words(failure: BaseException) -> str:
    name, code = type(failure).__name__, getattr(failure, "code", None)
    if isinstance(failure, ValidationError):
        return f"{name} at {', '.join(_places(failure))}"
    if isinstance(failure, _SPEAKING):
        return f"{name}: {failure}"[:300]
    return f"{name} {code}" if isinstance(code, int) else name


def _places(failure: ValidationError) -> list[str]:
    errors: list[Any] = failure.errors(include_input=False, include_url=False, include_context=False)
    return [".".join(map(str, error["loc"])) for error in errors[:_PLACES]]
