"""Resync: the message that tells a reader that some before the next are not kept any more."""

from datetime import UTC, datetime

from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.messages import Message


def resync(session_id: SessionId) -> bytes:
    """Its JSON text: read the session again. By this machine's clock, for nothing is decided by it."""
    message = Message(id=new_id(), type="resync-required", session_id=session_id, at=datetime.now(UTC), data={})
    return message.model_dump_json().encode()
