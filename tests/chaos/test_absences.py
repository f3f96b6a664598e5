"""What the checker forgives while a mailbox's RabbitMQ node is away, and that it forgives nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from testkit.clients.history import Absence, History
from tests.chaos.checker import check
from tests.chaos.leftovers import expires
from tests.chaos.story import Story, seat
from tests.chaos.test_checker import only


def of_bo(story: Story, began: float, ended: float = float("inf")) -> None:
    """The node of bo's mailbox is away."""
    story.history.absences.append(Absence(began, ["user.bo", "user.somebody"], ended))


def test_a_signal_to_a_mailbox_whose_node_is_away_may_be_lost() -> None:
    story = Story()
    of_bo(story, story.now, story.now + 1)
    story.signals("ann", 1, "ann")
    story.now += 2
    verdict = story.verdict()
    assert verdict.clean, str(verdict)


@pytest.mark.parametrize("who", ["user.ann", "session.bo"])
def test_a_signal_to_another_mailbox_is_lost(who: str) -> None:
    story = Story()
    story.history.absences.append(Absence(story.now, [who]))
    story.signals("ann", 1, "ann")
    only(story.verdict(), "lost", "signal 1 of ann never came to bo")


def test_a_signal_before_or_after_is_lost() -> None:
    story = Story()
    story.signals("ann", 1, "ann")
    of_bo(story, story.now + 1, story.now + 2)
    story.now += 3
    story.signals("ann", 2, "ann")
    verdict = story.verdict()
    assert verdict.wrong["lost"] == [f"signal {n} of ann never came to bo" for n in (1, 2)]


def test_a_partition_takes_every_mailbox_away() -> None:
    story = Story()
    story.history.absences.append(Absence(story.now, None))
    story.signals("ann", 1)
    assert story.verdict().clean


def test_a_gap_in_the_versions_and_a_resync_are_forgiven_meanwhile() -> None:
    story = Story()
    of_bo(story, story.now, story.now + 1)
    story.told_all("participant-updated", {"participant": seat("ann", 1)})
    story.history.deliveries.pop()
    story.did("ann", "patch", {"n": 1, "participant": "ann"}, seat("ann", 1))
    story.now += 2
    story.tell("bo", "resync", "resync-required", {"reason": "mailbox"})
    assert story.verdict().clean


def test_a_gap_in_the_versions_is_one_later() -> None:
    story = Story()
    of_bo(story, story.now, story.now + 0.5)
    story.now += 1
    for n in (1, 2):
        story.told_all("participant-updated", {"participant": seat("ann", n)})
        story.did("ann", "patch", {"n": n, "participant": "ann"}, seat("ann", n))
    del story.history.deliveries[-1]
    only(story.verdict(), "lost", "bo was never told version")


def test_what_counts_is_when_an_event_was_made_and_not_when_it_was_read() -> None:
    for made, fine in ((0.5, True), (-4.0, True), (-6.0, False), (1.5, False)):
        story = Story()
        story.history.epoch = 1000.0
        of_bo(story, story.now, story.now + 1)
        began = story.now
        story.now += 30  # a mailbox that is read long after
        for n in (1, 2):
            story.told_all("participant-updated", {"participant": seat("ann", n)})
            story.did("ann", "patch", {"n": n, "participant": "ann"}, seat("ann", n))
        for delivery in story.history.deliveries[-4:]:
            at = 1000.0 + began + made + delivery.message["version"] / 10
            delivery.message["at"] = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        story.history.readers[1].began = began + made
        del story.history.deliveries[-3]  # bo's first
        wrong = check(story.history).wrong["lost"]
        assert fine == (not any("bo was never told version" in one for one in wrong)), (made, wrong)


def test_a_mailbox_that_was_deleted_in_a_partition_goes_by_itself() -> None:
    story = Story()
    story.history.tombstone_seconds = 10
    close = story.did("room", "close", {}, status=204)
    assert not expires(story.history, "queue user.bo")
    story.history.absences.append(Absence(close.answered + 5, None, close.answered + 11))
    assert expires(story.history, "queue user.bo")
    assert not expires(story.history, "queue session.bo")
    assert not expires(story.history, "exchange session.session")
    story.history.absences[0] = Absence(close.answered + 30, None, close.answered + 40)
    assert not expires(story.history, "queue user.bo")
    story.history.absences[0] = Absence(close.answered + 5, ["user.bo"], close.answered + 11)
    assert not expires(story.history, "queue user.bo")


def test_an_outcome_that_came_to_no_mailbox_is_forgiven_with_it() -> None:
    story = Story()
    of_bo(story, story.now, story.now + 1)
    story.did("bo", "subscribe", {"key": "k", "publisher": "ann"}, {"id": "c", "command_id": "k"}, 202)
    assert story.verdict().clean
    story.history.absences.clear()
    only(check(story.history), "lost", "neither answer nor error came for c")


def test_an_outcome_is_forgiven_too_when_the_queue_of_the_session_was_away() -> None:
    story = Story()
    story.did("bo", "subscribe", {"key": "k", "publisher": "ann"}, {"id": "c", "command_id": "k"}, 202)
    story.history.absences.append(Absence(story.now + 1, ["session.session"], story.now + 5))
    assert story.verdict().clean
    story.history.absences[0].queues = ["session.other"]
    only(check(story.history), "lost", "neither answer nor error came for c")


def test_absences_are_kept_with_the_history(tmp_path: Path) -> None:
    story = Story()
    of_bo(story, 1.0, 2.0)
    story.history.save(tmp_path / "history.json")
    assert History.load(tmp_path / "history.json").absences == story.history.absences
