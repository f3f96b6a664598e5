"""Letters between pods: what is written is what is read, and what is not understood harms nobody."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mailboxes.pod_messages import (
    NotHolder,
    ParkedPolls,
    PodMessage,
    PollAnswer,
    PollCancelled,
    PollParked,
    PollRefused,
    PollRequest,
    UnknownPolls,
    decode,
    decode_batch,
    encode,
    encode_batch,
)
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.errors import Problem

ASK = PollRequest(
    id="f",
    sender="pod.a",
    participant_id="p",
    session_id="s",
    ack=None,
    most=5,
    wait=2.5,
    asked=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "letter",
    [
        ASK,
        PollCancelled(id="f"),
        ParkedPolls(sender="pod.a", ids=["f", "g"]),
        UnknownPolls(sender="pod.b", ids=[]),
        PollParked(id="f"),
        NotHolder(id="f"),
        PollRefused(id="f", problem=Problem(code="join-again", reason="kicked")),
    ],
    ids=lambda letter: letter.kind,
)
def test_every_letter_is_read_as_written(letter: PodMessage) -> None:
    """All but the batch, which has a test of its own."""
    assert decode(encode(letter)) == (letter, b"")


@given(st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=40)), max_size=6))
def test_a_batch_comes_back_byte_for_byte(pairs: list[tuple[str, bytes]]) -> None:
    """Bodies may hold anything, line ends too."""
    batch = Batch(tuple(Publication(token, body) for token, body in pairs))
    decoded = decode(encode_batch("f", batch))
    assert decoded is not None
    letter, rest = decoded
    assert isinstance(letter, PollAnswer)
    assert decode_batch(letter, rest) == batch


@pytest.mark.parametrize("text", [b"", b"\n", b"{}", b'{"kind":"of a later version"}', b"\xff\xfe", b'{"kind":"left"}'])
def test_what_is_not_understood_is_none(text: bytes) -> None:
    """A later version may write more."""
    assert decode(text) is None


def test_a_later_version_may_add_fields() -> None:
    """N and N+1 run together."""
    assert decode(b'{"kind":"left","id":"f","why":"closed"}\n') == (PollCancelled(id="f"), b"")
