"""Messages to sessions and participants."""

from callplane.bus.names import mailbox_name
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.names import MESSAGES
from callplane.bus.rabbitmq.publisher import Address, Letter, Publisher
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message


class RabbitMessenger:
    """The Messenger port. Only permanent exchanges are ever named: publishing to a deleted one closes the channel."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> None:
        """Publish in order to every mailbox of the session; a session without mailboxes is no error."""
        # Not mandatory: a fanout with no mailbox behind it would be returned as unroutable.
        address = Address(MESSAGES, session_id, mandatory=False)
        await self._publisher.publish_all([_letter(message) for message in messages], address, key=session_id)

    async def to_participant(self, participant_id: ParticipantId, message: Message) -> bool:
        """Publish to one mailbox; False when it does not exist (any more)."""
        address = Address("", mailbox_name(participant_id), mandatory=True)
        try:
            await self._publisher.publish(_letter(message), address, key=message.session_id)
        except Unroutable:
            return False
        return True


def _letter(message: Message) -> Letter:
    # The AMQP id is the token by which mailboxes acknowledge: never used twice, unlike the id of the event (design 4).
    return Letter(body=message.model_dump_json().encode(), message_id=new_id(), kind=message.type)
