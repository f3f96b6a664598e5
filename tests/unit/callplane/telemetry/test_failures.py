"""What is told of exceptions quotes no user."""

from pydantic import BaseModel, ValidationError

from callplane.contracts.errors import Unavailable
from callplane.telemetry.failures import frames, leaves, words

SECRET = "what-a-user-sent"


class Shape(BaseModel):
    """Something to be read."""

    n: int


def unread() -> ValidationError:
    """A document that is not what it should be."""
    try:
        Shape.model_validate({"n": SECRET})
    except ValidationError as failure:
        return failure
    raise AssertionError


def test_a_group_is_told_by_what_is_in_it() -> None:
    inner = ExceptionGroup("inner", [KeyError(SECRET), Unavailable("the broker")])
    assert words(ExceptionGroup("outer", [inner, KeyError("other")])) == "KeyError, Unavailable: the broker"
    assert [type(leaf) for leaf in leaves(inner)] == [KeyError, Unavailable]


def test_the_place_is_told_and_not_the_value() -> None:
    assert words(unread()) == "ValidationError at n"


def test_a_servers_code_is_told() -> None:
    failure = RuntimeError(SECRET)
    failure.code = 11601  # type: ignore[attr-defined]
    assert words(failure) == "RuntimeError 11601"


def test_frames_tell_where_and_from_what() -> None:
    try:
        try:
            raise unread()
        except ValidationError as cause:
            raise KeyError(SECRET) from cause
    except KeyError as failure:
        told = frames(failure)
    assert "test_failures.py" in told
    assert "KeyError" in told and "ValidationError at n" in told
    assert SECRET not in told
