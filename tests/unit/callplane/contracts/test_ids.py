"""Ids sort by age, and what a command makes follows from the command."""

import time
import uuid

from hypothesis import assume, given
from hypothesis import strategies as st

from callplane.contracts.ids import (
    CommandId,
    connection_made_by,
    derived_id,
    new_id,
    participant_made_by,
    session_made_by,
)

PARTS = st.lists(st.text(max_size=6), max_size=4)


def test_a_new_id_is_of_version_7_and_tells_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(PARTS, PARTS)
def test_derived_ids_are_equal_for_equal_parts_only(one: list[str], other: list[str]) -> None:
    assert derived_id(*one) == derived_id(*one)
    assume(one != other)
    assert derived_id(*one) != derived_id(*other)


@given(PARTS)
def test_a_derived_id_is_what_every_other_version_derives(parts: list[str]) -> None:
    """A pod of the version before answers the repeat of a request that came to one of this."""
    name = "".join(f"{len(part)}:{part}" for part in parts)
    assert derived_id(*parts) == str(uuid.uuid5(uuid.UUID("5bd5a0d4-6f0d-5d5e-9d3b-0c6d5ac1f7aa"), name))


def test_what_a_command_makes_is_never_the_command() -> None:
    command = CommandId(new_id())
    makers = (session_made_by, participant_made_by, connection_made_by)
    [made] = {str(maker(command)) for maker in makers for _ in range(2)}
    assert made != command
    assert uuid.UUID(made).version == 5
