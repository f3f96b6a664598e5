"""Expected messages of one reader: judges every batch by what it was sent and has been given (design 4)."""

import json
from collections import defaultdict
from dataclasses import dataclass, field

from api.mailboxes.unacked import Batch
from callplane.store.attachments import Attachment


@dataclass
class ExpectedMessages:
    """Publications by their place in the mailbox: tokens become known as they are given, in order and without a gap.

    Of a batch it is known where it must begin: not behind what was acknowledged, or something would be lost, and under
    one holder not before it, or something acknowledged would be given again.
    """

    sent: list[str] = field(default_factory=list)
    """The id of each publication; the same id twice is a repeat, as a carrier that died makes it."""
    tokens: list[str] = field(default_factory=list)
    n: int = 0
    holder: str | None = None
    acknowledged: int = 0
    """How many the client has acknowledged at most, as far as it knows: its request may not have arrived."""
    _begun: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _given: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def see(self, attachment: Attachment) -> None:
        """Holders are counted: never back, and no other one under the same number."""
        assert attachment.n >= self.n, f"n went from {self.n} to {attachment.n}"
        if attachment.n == self.n:
            assert attachment.holder == self.holder, f"{self.holder} and {attachment.holder} are both number {self.n}"
        self.n, self.holder = attachment.n, attachment.holder

    def ask(self, ack: str | None) -> int:
        """A poll with this token begins: the place that the present holder may not fall behind in its answer."""
        if ack not in self.tokens:
            return self._begun[self.n]
        count = self.tokens.index(ack) + 1
        self.acknowledged = max(self.acknowledged, count)
        # A holder that has not given it may not have it yet; one that has must know it.
        return max(self._begun[self.n], count if count <= self._given[self.n] else 0)

    def judge(self, batch: Batch, floor: int | None) -> None:
        """One answer. ``floor`` is what ``ask`` said, None when the mailbox may have changed hands meanwhile."""
        if not batch.received:
            return
        places = [self._place(one.token, json.loads(one.body)["id"]) for one in batch.received]
        first = places[0]
        assert places == list(range(first, first + len(places))), f"out of order: {places}"
        assert first <= self.acknowledged, f"begins at {first}, but only {self.acknowledged} are acknowledged"
        if floor is not None:
            assert first >= floor, f"begins at {first}, but {floor} were acknowledged to this holder"
            self._begun[self.n] = max(self._begun[self.n], first)
            self._given[self.n] = max(self._given[self.n], places[-1] + 1)

    def _place(self, token: str, text: str) -> int:
        """Where this publication stands; one that is new must be the next."""
        if token not in self.tokens:
            assert len(self.tokens) < len(self.sent), f"{text} again under a new token, or somebody else's"
            self.tokens.append(token)
        place = self.tokens.index(token)
        assert self.sent[place] == text, f"{text} in the place of {self.sent[place]}"
        return place
