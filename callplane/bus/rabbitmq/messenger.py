"""Messages to sessions and participants."""

from collections.abc import Awaitable, Callable

from callplane.bus.names import mailbox_name
from callplane.bus.ports import NotTaken, TakenBy, Unroutable
from callplane.bus.rabbitmq.arguments import MESSAGES
from callplane.bus.rabbitmq.publisher import Address, AmqpMessage, Publisher
from callplane.contracts.errors import NodeDown, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message


class RabbitMessenger:
    """The Messenger port. Only permanent exchanges are ever named: publishing to a deleted one closes the channel."""

    def __init__(self, publisher: Publisher, exists: Callable[[str], Awaitable[bool]]) -> None:
        self._publisher = publisher
        self._exists = exists

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Publish in order to every mailbox of the session."""
        address = Address(MESSAGES, session_id, mandatory=True)
        try:
            await self._publisher.publish_all([_letter(message) for message in messages], address, key=session_id)
        except NotTaken:
            return "some"
        except Unroutable:
            return "none"
        return "all"

    async def to_participant(self, participant_id: ParticipantId, message: Message) -> bool:
        """Publish to one mailbox; False when it does not exist (any more). One on a node that is down is
        Unavailable.
        """
        address = Address("", mailbox_name(participant_id), mandatory=True)
        try:
            await self._publisher.publish(_letter(message), address, key=message.session_id)
        except Unroutable:
            try:
                if not await self._exists(mailbox_name(participant_id)):
                    return False
            except NodeDown as down:
                raise Unavailable(str(down)) from None
            raise Unavailable("the mailbox did not take it") from None
        return True


def _letter(message: Message) -> AmqpMessage:
    # The AMQP id is the token by which mailboxes acknowledge: never used twice, unlike the id of the event (design 4).
    return AmqpMessage(body=message.model_dump_json().encode(), message_id=new_id(), kind=message.type)
