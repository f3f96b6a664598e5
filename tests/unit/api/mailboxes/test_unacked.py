"""The window: nothing is acknowledged that was not given, nothing is lost, order stays."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.mailboxes.unacked import Batch, UnackedWindow
from callplane.bus.mailbox_ports import Publication


def publication(number: int) -> Publication:
    """The n-th publication of a mailbox."""
    return Publication(f"t{number}", f'{{"id":"{number}"}}'.encode(), number)


def window_of(*numbers: int) -> UnackedWindow:
    """A window that was given these."""
    window = UnackedWindow()
    for number in numbers:
        window.add(publication(number), at=float(number))
    return window


def test_a_token_acknowledges_everything_up_to_it() -> None:
    """And returns it, for the broker."""
    window = window_of(1, 2, 3)
    assert window.acknowledge("t2") == [publication(1), publication(2)]
    assert window.head(100) == (publication(3),)


def test_an_unknown_token_changes_nothing() -> None:
    """One of a former holder, or made up."""
    window = window_of(1, 2)
    assert window.acknowledge("t9") == []
    assert len(window) == 2


def test_a_former_holders_token_counts_when_its_publication_comes_again() -> None:
    """What the client had before a take-over is not given twice; a later token takes its place."""
    window = UnackedWindow()
    assert window.acknowledge("t2") == []
    assert window.add(publication(1), 0.0) == []
    assert window.add(publication(2), 0.0) == [publication(1), publication(2)]
    assert window.add(publication(3), 0.0) == window.add(publication(2), 0.0) == []
    window.acknowledge("t9")
    window.acknowledge("t3")
    assert window.add(publication(9), 0.0) == []


def test_the_first_of_two_equal_tokens_counts() -> None:
    """What stands behind it may not have been given."""
    window = window_of(1, 2, 1)
    assert window.acknowledge("t1") == [publication(1)]
    assert window.head(9) == (publication(2), publication(1))


def test_the_head_is_bounded_and_stays() -> None:
    """Until it is acknowledged."""
    window = window_of(1, 2, 3)
    assert window.head(2) == window.head(2) == (publication(1), publication(2))


def test_the_oldest_is_the_front() -> None:
    """Its age ends a seat that acknowledges nothing."""
    window = window_of(4, 5)
    assert window.oldest() == 4.0
    window.acknowledge("t5")
    assert window.oldest() is None


def test_a_batch_is_json_with_the_publishers_own_bytes() -> None:
    """Its ack is the token of its last message, null when it is empty."""
    assert json.loads(Batch((publication(1), publication(2))).json()) == {
        "messages": [{"id": "1"}, {"id": "2"}],
        "ack": "t2",
    }
    assert json.loads(Batch().json()) == {"messages": [], "ack": None}


class Delivery(RuleBasedStateMachine):
    """A queue, a window on it that is lost now and then, and a client that acknowledges some answers late or twice."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self.queue: list[int] = []
        self.unacknowledged: list[int] = []
        self.acknowledged: list[int] = []
        self.client: list[int] = []
        self.answers: list[str] = ["junk"]
        self.window = UnackedWindow()

    @rule(count=st.integers(1, 4))
    def publish(self, count: int) -> None:
        """Put publications into the queue."""
        for _ in range(count):
            self.queue.append(self.published)
            self.published += 1

    @precondition(lambda self: self.queue)
    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        """The broker hands some on."""
        given, self.queue = self.queue[:count], self.queue[count:]
        for number in given:
            self.unacknowledged.append(number)
            self._acknowledged(self.window.add(publication(number), 0.0))

    @rule(which=st.integers(0, 10**6), most=st.integers(1, 5))
    def poll(self, which: int, most: int) -> None:
        """Ask with the token of any former answer, not only the last."""
        self._acknowledged(self.window.acknowledge(self.answers[which % len(self.answers)]))
        batch = Batch(self.window.head(most))
        self.client += [one.tag for one in batch.received]
        if batch.ack:
            self.answers.append(batch.ack)

    def _acknowledged(self, received: list[Publication]) -> None:
        for one in received:
            self.unacknowledged.remove(one.tag)
            self.acknowledged.append(one.tag)

    @rule()
    def lose(self) -> None:
        """Another holder takes over: what was not acknowledged comes again first."""
        self.queue = self.unacknowledged + self.queue
        self.unacknowledged = []
        self.window = UnackedWindow()

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every publication is acknowledged, held or waiting, once, in order; the client knows the first kind."""
        assert self.acknowledged + self.unacknowledged + self.queue == list(range(self.published))
        assert set(self.acknowledged) <= set(self.client)

    @invariant()
    def order_stays(self) -> None:
        """The first time that the client sees each message is in order."""
        assert list(dict.fromkeys(self.client)) == sorted(set(self.client))


Delivery.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_delivery = Delivery.TestCase
