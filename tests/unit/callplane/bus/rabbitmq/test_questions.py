"""Questions of a link about queues on a silent node, and about others behind them: only the silent node's are down."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.bus.rabbitmq import mailbox_link
from callplane.bus.rabbitmq.mailbox_link import ASKING, LinkChannels, RabbitLink
from callplane.contracts.errors import NodeDown, Unavailable
from callplane.contracts.ids import ParticipantId


class Asking:
    """A channel on which those questions are not answered whose queue lies on a silent node."""

    is_closed = False

    async def queue_declare(self, queue: str, **_: Any) -> Any:
        """Three messages, after a while."""
        await asyncio.sleep(60 if "silent" in queue else 0.1)
        return SimpleNamespace(message_count=3)

    async def close(self) -> None:
        """Like that of a broker that answers."""
        self.is_closed = True


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> RabbitLink:
    """A link that has only channels for questions."""

    async def opened(_: Any) -> Asking:
        return Asking()

    monkeypatch.setattr(mailbox_link, "open_channel", opened)
    monkeypatch.setattr(mailbox_link, "ANSWER_WITHIN", 0.3)
    return RabbitLink("pod", LinkChannels(cast(Any, None), [], cast(Any, None), cast(Any, None)))


async def ask(link: RabbitLink, *names: str) -> list[object]:
    """What becomes of these questions, asked at once."""
    return list(await asyncio.gather(*[link.depth(ParticipantId(name)) for name in names], return_exceptions=True))


SILENT = [f"silent-{n}" for n in range(ASKING)]


async def test_a_question_that_waits_for_a_channel_has_its_time_for_the_answer(link: RabbitLink) -> None:
    """The silent node's have used up all that it would have had, had it been counted from the beginning."""
    *silent, healthy = await ask(link, *SILENT, "healthy")
    assert [type(one) for one in silent] == [NodeDown] * ASKING
    assert healthy == 3


async def test_no_channel_in_time_says_nothing_of_a_node(link: RabbitLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable, so that nobody takes the mailbox for one that is down; and the next question is answered."""
    monkeypatch.setattr(mailbox_link, "FREE_WITHIN", 0.1, raising=False)
    *silent, healthy = await ask(link, *SILENT, "healthy")
    assert [type(one) for one in silent] == [NodeDown] * ASKING
    assert type(healthy) is Unavailable
    assert not link.ended.is_set()
    assert await ask(link, *["healthy"] * ASKING) == [3] * ASKING
