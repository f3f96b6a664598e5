"""Replies as they are sent and read: encoded once, and the same for who reads them."""

from datetime import UTC, datetime

from callplane.contracts.commands import Done, Joined
from callplane.contracts.errors import Problem
from callplane.contracts.ids import CommandId, ParticipantId
from callplane.contracts.replies import Answer, Reply
from callplane.store.documents import Seat, SessionDocument
from callplane.store.views import Snapshot, joined_view, session_view
from testkit.inprocess.crowded_database import session


def _joined() -> Joined:
    seat = Seat(id=ParticipantId("ann"), metadata={"a": [1, None]}, hand_raised_at=datetime.now(UTC))
    found = SessionDocument.model_validate(session() | {"participants": [seat.model_dump()]})
    return joined_view(Snapshot(found, session_view(found)), found.participants[0], [])


def test_what_is_sent_is_read_as_what_it_was() -> None:
    for result in (_joined(), Done()):
        sent = Answer(command_id=CommandId("c"), result=result)
        read = Reply.model_validate_json(sent.encoded())
        assert (read.command_id, read.problem, read.result) == ("c", None, result.model_dump(mode="json"))
        assert type(result).model_validate(read.result) == result


def test_a_problem_is_read_as_what_it_was() -> None:
    problem = Problem(code="unavailable", retry_after=1)
    read = Reply.model_validate_json(Answer(command_id=CommandId("c"), problem=problem).encoded())
    assert (read.result, read.problem) == (None, problem)
