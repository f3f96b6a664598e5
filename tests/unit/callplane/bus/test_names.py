"""Names of queues."""

from datetime import UTC, datetime

from callplane.bus.names import mailbox_name, queue_of, session_name, session_of
from callplane.contracts.commands import Caller, CloseSession, CreateSession, Envelope
from callplane.contracts.ids import SessionId
from callplane.contracts.registry import AnyCommand


def test_a_session_is_known_by_its_queue() -> None:
    """And no other queue is taken for one."""
    assert session_of(session_name("a.b")) == SessionId("a.b")
    assert [session_of(queue) for queue in ("wrapper", "session.", "user.a", mailbox_name("session.a"))] == [None] * 4


def test_only_creations_go_to_any_wrapper() -> None:
    """All others go to their session."""

    def envelope(body: AnyCommand) -> Envelope:
        return Envelope(id="c", session_id="s", caller=Caller(kind="key"), deadline=datetime.now(UTC), body=body)

    assert queue_of(envelope(CreateSession())) == "wrapper"
    assert queue_of(envelope(CloseSession())) == "session.s"
