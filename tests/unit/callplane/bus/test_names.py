"""Names of queues."""

from datetime import UTC, datetime

from callplane.bus.names import SHARDS, is_shard, mailbox_name, queues_of, session_name, session_of, shard_of
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

    assert queues_of(envelope(CreateSession())) == ("wrapper",)
    assert queues_of(envelope(CloseSession())) == ("session.s",)
    sharded = {"commands": "sharded"}
    assert queues_of(envelope(CreateSession()).model_copy(update=sharded)) == ("wrapper",)
    assert queues_of(envelope(CloseSession()).model_copy(update=sharded)) == (shard_of(SessionId("s")), "session.s")


def test_a_session_is_always_in_the_same_shard() -> None:
    """Pods of every version must agree for ever: else two commands of a session would overtake each other."""
    assert [shard_of(SessionId(text)) for text in ("s", "a.b", "ü")] == ["commands.11", "commands.29", "commands.21"]
    assert {shard_of(SessionId(str(n))) for n in range(2000)} == set(SHARDS)
    assert [is_shard(queue) for queue in ("commands.7", "quorum.commands.7", "wrapper", "session.commands.7")] == [
        True,
        True,
        False,
        False,
    ]
